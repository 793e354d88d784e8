/** What fits: a module has one memory of at most 4 GiB. */
import type { MemoryReport } from "./4-codegen/report.ts";
import { CompileError } from "./diagnostics.ts";
import { modelTooLarge } from "./errors.ts";
import type { Module } from "./ir/graph.ts";

const MAX_MEMORY_BYTES = 2 ** 32 - 65536;

export function refuseTooLarge(memory: MemoryReport, module: Module): void {
  if (memory.total <= MAX_MEMORY_BYTES) return;
  const largest = takers(memory, module)
    .filter(({ bytes }) => bytes >= 2 ** 17)
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, 8);
  const notes = largest.map(({ label, bytes }) => ({ message: `${gib(bytes).padStart(12)}  ${label}`, span: null }));
  const span = module.tensors[0]?.span ?? null;
  throw new CompileError([modelTooLarge({ size: gib(memory.total) }, span, { notes })]);
}

interface Taker {
  readonly label: string;
  readonly bytes: number;
}

/** All that has memory. */
function takers(memory: MemoryReport, { inputs, tensors, batch }: Module): Taker[] {
  const words = (shape: readonly number[]): number => 4 * shape.reduce((a, b) => a * b, 1);
  const given = inputs.map(({ role, name, shape }) => ({ label: `${role} ${name}`, bytes: batch * words(shape) }));
  const { threads } = memory.blocks;
  const ofThreads = memory.programs.flatMap(({ regions }) => regions.flatMap(({ values }) => values));
  return [
    ...memory.programs.flatMap((program) => program.values),
    ...tensors.map(({ kind, name, shape }) => ({ label: `${kind} ${name}`, bytes: words(shape) })),
    ...given,
    ...ofThreads.map(({ label, bytes }) => ({ label: `${label}, for ${threads} threads`, bytes: threads * bytes })),
    {
      label: "bytes of inputs, work space of the kernels",
      bytes: given.reduce((rest, { bytes }) => rest - bytes, memory.inputs),
    },
  ];
}

const gib = (bytes: number): string =>
  bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(2)} GiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
