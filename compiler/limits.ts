/** What fits: a module has one memory of at most 4 GiB. */
import type { MemoryReport } from "./4-codegen/report.ts";
import { CompileError } from "./diagnostics.ts";
import { modelTooLarge } from "./errors.ts";
import type { Module } from "./ir/graph.ts";

const MAX_MEMORY_BYTES = 2 ** 32 - 65536;

export function refuseTooLarge(memory: MemoryReport, module: Module): void {
  if (memory.total <= MAX_MEMORY_BYTES) return;
  const largest = memory.programs
    .flatMap((program) => program.values)
    .concat(
      module.tensors.map((t) => ({
        label: `${t.kind} ${t.name}`,
        bytes: 4 * t.shape.reduce((a, b) => a * b, 1),
        offset: 0,
        from: 0,
        to: 0,
      })),
    )
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, 8);
  const notes = largest.map(({ label, bytes }) => ({ message: `${gib(bytes).padStart(12)}  ${label}`, span: null }));
  const span = module.tensors[0]?.span ?? null;
  throw new CompileError([modelTooLarge({ size: gib(memory.total) }, span, { notes })]);
}

const gib = (bytes: number): string =>
  bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(2)} GiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
