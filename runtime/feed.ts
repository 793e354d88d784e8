/** From the caller's arrays to the kernels' inputs: checks that they fit the model, then copies samples into place. */
import type { Manifest, ManifestInput } from "./abi.ts";
import type { Column, Columns, Dataset } from "./dataset.ts";
import { suggestion, TrainerError } from "./errors.ts";
import type { HostValues } from "./host.ts";
import { elements, type Memory } from "./memory.ts";

/** A checked batch or dataset: the columns in the order of the manifest's inputs, null where one is not needed. */
export interface Bound {
  samples: number;
  readonly columns: (Column | null)[];
}

export class Feed {
  constructor(
    private readonly manifest: Manifest,
    private readonly host: HostValues,
    private readonly memory: Memory,
  ) {}

  /** Checks names, types, lengths and labels; the result is written to `bound`. Predictions need no targets. */
  bind(data: Columns | Dataset, needsTargets: boolean, bound: Bound): Bound {
    const { inputs } = this.manifest;
    if (typeof data !== "object" || data === null) {
      fail(`give the arrays by name: { ${inputs.map((input) => input.name).join(", ")} }`);
    }
    const columns = byName(data, inputs);
    for (const name in columns) {
      if (!inputs.some((input) => input.name === name)) {
        const known = inputs.map((input) => input.name);
        fail(`the model has no input "${name}"${suggestion(name, known) || `; it takes ${known.join(" and ")}`}`);
      }
    }
    bound.samples = -1;
    for (let i = 0; i < inputs.length; i++) {
      const needed = needsTargets || inputs[i].role === "input";
      bound.columns[i] = needed ? this.check(inputs[i], columns, bound) : null;
    }
    return bound;
  }

  private check(input: ManifestInput, columns: Columns, bound: Bound): Column {
    const { name } = input;
    if (!Object.hasOwn(columns, name)) fail(`the ${input.role} "${name}" is missing: give ${describe(input)}`);
    const column = columns[name];
    checkType(input, column);
    const size = elements(input.shape);
    const samples = column.length / size;
    if (!Number.isInteger(samples) || samples < 1) {
      const found = `"${name}" has ${column.length} values, which is no whole number of samples`;
      fail(`${found}: one is ${size} value${size === 1 ? "" : "s"} ([${input.shape.join(", ")}])`);
    }
    if (bound.samples !== -1 && samples !== bound.samples) {
      fail(`"${name}" has ${samples} samples, but the inputs before it have ${bound.samples}`);
    }
    bound.samples = samples;
    if (input.dtype === "i32") checkIntegers(input, column);
    return column;
  }

  /** Puts `n` samples into the kernels' inputs: those from `from`, or `order[from]`, … if an order is given. */
  write(bound: Bound, from: number, n: number, order: Uint32Array | null): void {
    const { inputs } = this.manifest;
    for (let i = 0; i < inputs.length; i++) {
      const column = bound.columns[i];
      if (column === null) continue;
      const input = inputs[i];
      const bytes = input.bytes !== undefined && isBytes(column);
      if (input.bytes) this.host[input.bytes] = Number(bytes);
      const target = bytes ? this.memory.bytes : input.dtype === "i32" ? this.memory.integers : this.memory.floats;
      copySamples(column, target, input.address / target.BYTES_PER_ELEMENT, elements(input.shape), from, n, order);
    }
  }
}

type Elements = Uint8Array | Int32Array | Float32Array | Float64Array;

function copySamples(
  column: Column,
  target: Elements,
  start: number,
  size: number,
  from: number,
  n: number,
  order: Uint32Array | null,
): void {
  if (order === null) {
    target.set(part(column, from * size, (from + n) * size), start);
  } else if (size === 1) {
    for (let k = 0; k < n; k++) target[start + k] = column[order[from + k]];
  } else {
    for (let k = 0; k < n; k++) {
      const sample = order[from + k] * size;
      target.set(part(column, sample, sample + size), start + k * size);
    }
  }
}

/** A view where the array has views. */
function part(column: Column, begin: number, end: number): ArrayLike<number> {
  if (begin === 0 && end === column.length) return column;
  return "subarray" in column ? column.subarray(begin, end) : column.slice(begin, end);
}

function fail(message: string): never {
  throw new TrainerError("input", message);
}

function describe(input: ManifestInput): string {
  if (input.dtype === "i32") return "an Int32Array or Uint8Array";
  return input.bytes ? "a Float32Array, or bytes as a Uint8Array" : "a Float32Array";
}

/** `Uint8Array`, `Array`, …: works for arrays of another realm (a frame, a worker) too. */
function typeName(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

function isBytes(column: Column): boolean {
  return column instanceof Uint8Array || typeName(column).startsWith("Uint8");
}

function checkType(input: ManifestInput, column: Column): void {
  const type = typeName(column);
  const float = /^Float\d+Array$/.test(type);
  const list = Array.isArray(column) && column.every((value) => typeof value === "number");
  const integer = /^(Ui|I)nt\d+(Clamped)?Array$/.test(type);
  // A target's numbers are taken as they are; bytes given for an input are pixels, and the model scales them.
  const fits =
    input.dtype === "i32"
      ? integer
      : float || (integer && (input.role === "target" || (input.bytes && isBytes(column))));
  if (!fits && !list)
    fail(`"${input.name}" is ${Array.isArray(column) ? "a list with non-numbers" : type}: give ${describe(input)}`);
}

function checkIntegers(input: ManifestInput, column: Column): void {
  const classes = input.classes ?? Infinity;
  for (let i = 0; i < column.length; i++) {
    const value = column[i];
    if (!(value >= 0 && value < classes && value % 1 === 0)) {
      if (classes < Infinity) {
        const cure = "correct the data, or declare as many classes as they have";
        fail(`${input.name}[${i}] is ${value}; the model's classes are 0 … ${classes - 1}: ${cure}`);
      }
      if ((value | 0) !== value) fail(`${input.name}[${i}] is ${value}, which is no 32-bit integer`);
    }
  }
}

/** A dataset's images are the model's one input, its labels the one target; columns go by their names. */
function byName(data: Columns | Dataset, inputs: readonly ManifestInput[]): Columns {
  const { images, labels } = data as Dataset;
  const named = inputs.some(({ name }) => name === "images" || name === "labels");
  if (named || images === undefined || labels === undefined) return data as Columns;
  const columns: Record<string, Column> = {};
  for (const [role, column] of [
    ["input", images],
    ["target", labels],
  ] as const) {
    const [first, second] = inputs.filter((input) => input.role === role);
    if (second) fail(`the model has several ${role}s: give an array for each of them by name`);
    if (first) columns[first.name] = column;
  }
  return columns;
}
