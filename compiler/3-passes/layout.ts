/**
 * Gives every stored value its layout (compiler/ir/layout.ts) and makes each change of layout an operation of the graph, so
 * that sharing, fusion and scheduling see it. Afterwards `layoutName` tells any value's layout.
 */
import type { Builder } from "../ir/builder.ts";
import { type Dim, type Module, roots, topological, type Value } from "../ir/graph.ts";
import { opNamed } from "../ops/index.ts";
import { tilingOf } from "../ops/tiles.ts";
import type { Target } from "../target.ts";
import { addsUpInTeams } from "./blocks.ts";
import { isHost } from "./host.ts";
import { isInlinable, isLeaf } from "./inline.ts";
import { mapRoots, rebuild, rewrite } from "./rewrite.ts";
import { isDepthwise, reach } from "./taps.ts";
import { isLarge } from "./updates.ts";

const FEATURE_OPS = new Set([
  "conv2d",
  "max_pool2d",
  "max_pool2d_index",
  "max_unpool2d",
  "max_pool2d_gather",
  "sum_pool2d",
  "sum_unpool2d",
  "conv2d_grad_input",
]);

/** Values that are feature maps live channels innermost: what convolution made, and elementwise results of such. */
export class Layouts {
  private readonly names = new Map<Value, string>();

  nameOf(value: Value): string {
    let name = this.names.get(value);
    if (name === undefined) {
      name = this.decide(value);
      this.names.set(value, name);
    }
    return name;
  }

  private decide(value: Value): string {
    if (value.op === "relayout" || value.op === "packed") return value.attrs.layout as string;
    if (value.op === "tile" || (value.op === "matmul" && this.nameOf(value.inputs[0]) === "planes")) return "planes";
    if (value.op === "untile") return untileLayout(value);
    if (value.op === "conv2d_grad_weight") return "kkio";
    if (value.type.shape.length !== 4 || value.type.shape[0] !== "n") return "row";
    if (FEATURE_OPS.has(value.op)) return "nhwc:0";
    if (value.op === "reshape") return this.nameOf(rearranged(value)).startsWith("nhwc") ? "nhwc:0" : "row";
    const follows = opNamed(value.op).category === "elementwise" || value.op === "pad" || value.op === "slice";
    const kin = follows && value.inputs.some((x) => x.type.shape.length === 4 && this.nameOf(x).startsWith("nhwc"));
    return kin ? "nhwc:0" : "row";
  }
}

/** What is read through reshapes, transpositions and repetition, as by a shuffle of channels. */
function rearranged(value: Value): Value {
  return ["reshape", "transpose", "broadcast"].includes(value.op) ? rearranged(value.inputs[0]) : value;
}

/** Program by program: what one of them needs as an operand, another may compute as it reads it. */
export function assignLayouts(module: Module, b: Builder, target: Target): Module {
  const programs = module.programs.flatMap((program) => placed({ ...module, programs: [program] }, b, target).programs);
  return { ...module, programs };
}

function placed(module: Module, b: Builder, target: Target): Module {
  const columns = neededPadding(module);
  const layouts = new Layouts();
  const panel = 2 * target.lanes;
  const store = (value: Value, layout: string) =>
    layouts.nameOf(value) === layout ? value : b.op("relayout", [value], { layout });

  const stored = rewrite(module, b, (value, inputs) => {
    let operands = inputs;
    if (value.op === "conv2d" || value.op === "conv2d_grad_input") {
      operands = [inputs[0], store(inputs[1], weightLayout(value, panel))];
    }
    if (value.op === "matmul") {
      const together = addsUpInTeams(value, { batch: module.batch, target });
      const scattered = !together && isScattered(inputs[0], module.batch, target.floatBytes);
      const left = scattered ? b.op("relayout", [inputs[0]], { layout: "row" }) : inputs[0];
      const packed = needsPacking(value, inputs[1], module.batch, layouts);
      operands = [left, packed ? store(inputs[1], `panel:${panel}`) : inputs[1]];
    }
    const result = rebuild(b, value, operands);
    const padding = columns.get(value);
    return padding === undefined ? result : store(result, `nhwc:${padding}`);
  });
  // The caller reads results, and tensors keep their elements, in row-major order.
  const copied = (value: Value) => isLeaf(value) || isHost(value) || value.op === "max_pool2d_index";
  const rowMajor = (value: Value) =>
    copied(value) ? b.op("relayout", [value], { layout: "row" }) : store(value, "row");
  const straight = new Straightening(layouts, b);
  const programs = stored.programs.map((p) => ({
    ...p,
    updates: p.updates.map((u) => ({ ...u, value: straight.of(u.value) })),
  }));
  return { ...stored, programs: programs.map((p) => mapRoots(p, rowMajor)) };
}

/**
 * What an update reads at the places of its tensor's elements, in the order of those: so that updates are loops over memory. Large
 * tensors are updated on their own, from wherever it lies.
 */
class Straightening {
  private readonly known = new Map<Value, Value>();

  constructor(
    private readonly layouts: Layouts,
    private readonly b: Builder,
  ) {}

  of(value: Value): Value {
    let straight = this.known.get(value);
    if (!straight) {
      straight = this.straighten(value);
      this.known.set(value, straight);
    }
    return straight;
  }

  private straighten(value: Value): Value {
    const { category } = opNamed(value.op);
    if (category === "elementwise") {
      return rebuild(
        this.b,
        value,
        value.inputs.map((input) => this.of(input)),
      );
    }
    const isArranged =
      category === "view" ? isInlinable(value) && value.op !== "broadcast" : this.layouts.nameOf(value) !== "row";
    return isArranged && value.type.dtype === "f32" && !isLarge(value)
      ? this.b.op("relayout", [value], { layout: "row" })
      : value;
  }
}

/** Patches that overlap are added up in rows with room for what lies beside the image. */
function untileLayout(untile: Value): string {
  const { matrix, stride, padding, tiles } = tilingOf(untile.attrs);
  if (untile.type.shape[0] !== "n") return "row";
  if (matrix.length <= stride) return "nhwc:0";
  const last = (tiles[1] - 1) * stride + matrix.length - 1 - padding[1];
  return `nhwc:${Math.max(padding[1], last - ((untile.type.shape[3] as number) - 1), 0)}`;
}

/** For each operand of a convolution: the zero columns that its widest window reaches beyond the row. */
function neededPadding(module: Module): Map<Value, number> {
  const needed = new Map<Value, number>();
  const need = (x: Value, columns: number) => needed.set(x, Math.max(columns, needed.get(x) ?? 0));
  for (const value of topological(module.programs.flatMap(roots))) {
    const [x, other] = value.inputs;
    if (value.op === "tile") {
      const { matrix, stride, padding, tiles } = tilingOf(value.attrs);
      const last = (tiles[1] - 1) * stride + matrix[0].length - 1 - padding[1];
      const columns = Math.max(padding[1], last - ((x.type.shape[3] as number) - 1), 0);
      if (columns > 0 || x.type.shape[0] === "n") need(x, columns);
    }
    if (value.op.startsWith("conv2d")) need(x, reach(value));
    if (value.op === "conv2d_grad_weight") need(other, 0);
  }
  return needed;
}

/** Panels; with groups, the output channels of one tap side by side. */
function weightLayout(conv: Value, panel: number): string {
  const gradient = conv.op === "conv2d_grad_input";
  if (conv.attrs.groups === 1) return `${gradient ? "ipanel" : "opanel"}:${panel}`;
  return gradient && !isDepthwise(conv) ? "kkoi" : "kkio";
}

/** A matrix is packed when its rows are not contiguous, or when enough rows of the other operand reuse it. */
function needsPacking(matmul: Value, right: Value, batch: number, layouts: Layouts): boolean {
  const rows = matmul.type.shape[matmul.type.shape.length - 2];
  const contiguous = right.op !== "transpose" && layouts.nameOf(right) === "row";
  return !contiguous || (rows === "n" ? batch : rows) >= 32;
}

/** A first-level cache: lines of 64 bytes in 64 sets of at least 8. */
const LINE_BYTES = 64;
const SETS = 64;
const WAYS = 8;

/**
 * Whether a transposed left operand is read from lines that evict one another before the next rows come to them: a row of the
 * product reads as many lines as it has terms, and those that lie a multiple of many lines apart share few sets.
 */
function isScattered(left: Value, batch: number, bytes: number): boolean {
  if (left.op !== "transpose") return false;
  const size = (dim: Dim) => (dim === "n" ? batch : dim);
  const terms = (left.attrs.perm as number[]).at(-1)!;
  const shape = left.inputs[0].type.shape.map(size);
  const lines = (shape.slice(terms + 1).reduce((product, dim) => product * dim, 1) * bytes) / LINE_BYTES;
  const sets = Number.isInteger(lines) ? SETS / commonDivisor(lines, SETS) : SETS;
  return shape[terms] > sets * WAYS;
}

const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b));
