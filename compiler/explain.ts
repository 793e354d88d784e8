/** What the compiler did with a model, stage by stage, as text. */

import { elaborate } from "./2-elaborate/elaborate.ts";
import { chooseAlgorithm } from "./3-passes/convolution.ts";
import { differentiate } from "./3-passes/differentiate.ts";
import { simplify } from "./3-passes/simplify.ts";
import type { KernelReport, PlacedValue } from "./4-codegen/report.ts";
import { type Compilation, type CompileOptions, compile, parseSource } from "./compile.ts";
import { place } from "./diagnostics.ts";
import { formula } from "./ir/formula.ts";
import { type Module, roots, topological } from "./ir/graph.ts";
import { printLoops } from "./ir/loops-text.ts";
import { sizesOf } from "./ir/teams.ts";
import { printModule } from "./ir/text.ts";
import { passes } from "./pipeline.ts";
import type { Target } from "./target.ts";

export interface Stage {
  readonly name: string;
  readonly doc: string;
}

/** In the order of the pipeline. */
export const stages: readonly Stage[] = [
  { name: "elaborate", doc: "the graph as the model says it: layers, loss and optimizer spelled out" },
  ...passes.map(({ name, doc }) => ({ name, doc })),
  { name: "fusion", doc: "which operations each kernel computes, and why its result is stored" },
  { name: "memory", doc: "where every value lies, and for how long" },
  { name: "loops", doc: "the kernels as loop nests" },
];

export interface ExplainOptions extends CompileOptions {
  readonly stage: string;
  /** Only this program (train_step, evaluate, forward, …); all of them if absent. */
  readonly program?: string;
}

export function explain(source: string, options: ExplainOptions): string {
  const { stage, program } = options;
  if (!stages.some((s) => s.name === stage)) {
    throw new RangeError(`unknown stage ${stage}; there are ${stages.map((s) => s.name).join(", ")}`);
  }
  let text = "";
  let before: Module | null = null;
  const compilation = compile(source, {
    ...options,
    observe: (name, module) => {
      if (name === "gradient") before = module;
      if (name !== stage) return;
      const programs = module.programs.filter((p) => program === undefined || p.name === program);
      text = printModule({ ...module, programs });
    },
  });
  if (stage === "gradient") return `${gradientFormula(source, options)}\n${text}`;
  if (stage === "algorithms") return `${algorithmsText(before!, compilation.target, program)}\n${text}`;
  if (stage === "fusion") return fusionText(compilation, program);
  if (stage === "memory") return memoryText(compilation, program);
  if (stage === "loops") return printLoops(compilation.loops);
  return text;
}

/** The gradient of the loss with respect to each output of the net, as mathematics. */
function gradientFormula(source: string, options: CompileOptions): string {
  const tree = parseSource(source, options);
  const { module, builder: b, outputs } = elaborate(tree, { overrides: options.overrides, batch: options.batch });
  const [loss] = module.programs[0].results;
  const gradients = outputs.map(({ name, value }) => ({ name, value: b.op("grad", [loss.value, value]) }));
  const programs = [{ name: "gradient", results: [...outputs, ...gradients], updates: [] }];
  const simple = simplify(differentiate(simplify({ ...module, programs }, b), b), b);
  const { results } = simple.programs[0];
  const names = new Map(outputs.map(({ name }, i) => [results[i].value, name]));
  const lines = outputs.map(
    ({ name }, i) => `; d loss / d ${name} = ${formula(results[outputs.length + i].value, names)}`,
  );
  return lines.join("\n");
}

/** How each convolution of the program (of a training step, if none is named) is computed, and what the alternatives were estimated to cost. */
function algorithmsText(module: Module, target: Target, program = module.programs[0].name): string {
  const shown = module.programs.filter(({ name }) => name === program);
  const convolutions = topological(shown.flatMap(roots)).filter((value) => value.op === "conv2d");
  const rows = convolutions.map((conv) => {
    const { algorithm, reason, estimates } = chooseAlgorithm(conv, target, module.batch);
    const [, outputs, ...result] = conv.type.shape;
    const [, inputs, ...kernel] = conv.inputs[1].type.shape;
    const alternatives = estimates.map(
      (e) => `${e.algorithm} ${e.kilocycles.toFixed(0)} (${e.mflop.toFixed(1)} Mflop)`,
    );
    const geometry = `${kernel.join("×")}, ${inputs} → ${outputs}, ${result.join("×")}`;
    return [geometry, algorithm, reason, alternatives.join(", "), conv.span ? place(conv.span) : "-"];
  });
  if (rows.length === 0) return "; no convolutions\n";
  const title = "; convolutions with their gradients; estimates in thousands of processor cycles a sample";
  const head = ["kernel, channels, result", "computed by", "because", "estimates", "from"];
  return `${title}\n${table(head, rows).replace(/^ /gm, ";")}`;
}

function fusionText({ report }: Compilation, program?: string): string {
  const kernels = report.kernels.filter((k) => program === undefined || k.program === program);
  const names = [...new Set(kernels.map((k) => k.program))];
  return names.map((name) => `${name}\n${kernelTable(kernels.filter((k) => k.program === name))}`).join("\n");
}

/** One line a kernel, in the order of execution. */
export function kernelTable(kernels: readonly KernelReport[]): string {
  const rows = kernels.map((k) => [
    k.kernel,
    k.output,
    (k.flops / 1e6).toFixed(2),
    (k.bytes / 1024).toFixed(1),
    k.fused.length > 0 ? k.fused.join(" → ") : "-",
    k.reason,
    k.place,
  ]);
  return table(["kernel", "output", "Mflop", "KiB", "fused", "stored because", "from"], rows);
}

function memoryText({ report: { memory } }: Compilation, program?: string): string {
  const lines = [
    `parameters ${kib(memory.parameters)}, buffers ${kib(memory.buffers)}, optimizer state ${kib(memory.states)}, packed weights ${kib(memory.packed)}, inputs and scalars ${kib(memory.inputs)}`,
    `values of a few samples ${kib(memory.blocks.bytes)} for each of at most ${memory.blocks.threads} threads`,
    `memory of the module ${kib(memory.total)}`,
  ];
  for (const p of memory.programs) {
    if (program !== undefined && p.name !== program) continue;
    lines.push("", `${p.name}: arena ${kib(p.arena)} (${kib(p.unshared)} if no two values shared memory)`);
    lines.push(valueTable(p.values));
    for (const { at, teams, count, parts, values } of p.regions) {
      lines.push(`  step ${at}: ${count} teams, ${sizesOf(teams)}, in parts`);
      for (const part of parts) lines.push(`    ${part.samples} at a time: ${part.kernels.join(", ")}`);
      lines.push("    each thread has", valueTable(values));
    }
  }
  return `${lines.join("\n")}\n`;
}

function valueTable(values: readonly PlacedValue[]): string {
  const rows = values.map((v) => [v.label, kib(v.bytes), String(v.offset), `${v.from}–${v.to}`]);
  return table(["value", "bytes", "address", "steps"], rows).trimEnd();
}

const kib = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KiB`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  const line = (row: readonly string[]) =>
    `  ${row
      .map((cell, i) => cell.padEnd(widths[i]))
      .join("  ")
      .trimEnd()}`;
  return `${[head, ...rows].map(line).join("\n")}\n`;
}
