/** The JavaScript backend: a module of the loop IR as the text of an ES module, for wherever WebAssembly is forbidden. */
import { isBlocks, type Kernel, type LoopModule } from "../ir/loops.ts";
import { canonicalKernel } from "../ir/loops-text.ts";
import { VIEWS } from "./js/expression.ts";
import { kernelText } from "./js/function.ts";
import { HELPERS, type Helper } from "./js/helpers.ts";
import { Names } from "./js/names.ts";
import { Rounding } from "./js/rounding.ts";
import { reduceStrength } from "./strength.ts";

/**
 * A module that exports `instantiate(): Engine`. Its values are floats of `floatBytes`; sums in progress are float64. Kernels must
 * be scalar: the templates are instantiated with one lane for this backend.
 */
export function emitJs(module: LoopModule): string {
  const used = new Set<Helper>();
  const helper = (name: Helper) => {
    used.add(name);
    return name;
  };
  const names = new Names([...Object.keys(HELPERS), ...Object.values(VIEWS), "memory", "programs"]);
  const functions = new Map<string, { readonly name: string; readonly text: string }>();
  const nameOf = (kernel: Kernel): string => {
    const key = canonicalKernel(kernel);
    let f = functions.get(key);
    if (!f) {
      const name = names.fresh(kernel.name);
      const taken = [...Object.keys(HELPERS), ...Object.values(VIEWS)];
      const reduced = reduceStrength(kernel);
      const rounding = new Rounding(module.floatBytes === 4 ? reduced : null);
      f = { name, text: kernelText(reduced, name, helper, taken, rounding) };
      functions.set(key, f);
    }
    return f.name;
  };
  const programs = module.programs.map((program) => programText(program, module, nameOf, helper));
  const kernels = [...functions.values()].map((f) => `${indent(f.text)}\n\n`).join("");
  const helpers = [...used].sort().map((name) => `${HELPERS[name]}\n`);
  return `${instantiateText(module, kernels, programs)}${helpers.join("")}`;
}

function instantiateText(module: LoopModule, kernels: string, programs: readonly string[]): string {
  const floats = module.floatBytes === 8 ? "Float64Array" : "Float32Array";
  return `export function instantiate() {
  const memory = new ArrayBuffer(${8 * Math.ceil(module.memoryBytes / 8)});
  const ${VIEWS.f32} = new ${floats}(memory);
  const ${VIEWS.i32} = new Int32Array(memory);
  const ${VIEWS.u8} = new Uint8Array(memory);

${kernels}  const programs = {
${programs.map(indent).map(indent).join("\n")}
  };
  return { memory, run: (program, n) => programs[program](n) };
}
`;
}

function programText(
  program: LoopModule["programs"][number],
  module: LoopModule,
  nameOf: (kernel: Kernel) => string,
  helper: (name: Helper) => string,
): string {
  const sizes = { f32: module.floatBytes, i32: 4, u8: 1 };
  const lines = [`${JSON.stringify(program.name)}(n) {`];
  program.steps.forEach((call, index) => {
    if (isBlocks(call)) throw new TypeError("the JavaScript backend runs kernels for the whole batch");
    const args = call.args.map((address, i) => element(address, sizes[call.kernel.buffers[i].elem]));
    lines.push(`  ${nameOf(call.kernel)}(${[...args, "n"].join(", ")});`);
    for (const { address, elements, perSample } of module.checkFinite ? call.writes : []) {
      const start = element(address, module.floatBytes);
      lines.push(
        `  if (!${helper("allFinite")}(${VIEWS.f32}, ${start}, ${perSample ? `n * ${elements}` : elements})) return ${index + 1};`,
      );
    }
  });
  return [...lines, "  return 0;", "},"].join("\n");
}

/** An address as an index into a typed array. */
function element(address: number, size: number): number {
  if (address % size !== 0) throw new TypeError(`address ${address} is no multiple of ${size}`);
  return address / size;
}

const indent = (text: string): string => text.replace(/^(?=.)/gm, "  ");
