/** What `mlc build` tells of the artifact: files, kernels, memory. */
import type { Compilation } from "../compile.ts";
import { kernelTable } from "../explain.ts";
import { byteSize, counted, facts } from "./text.ts";

interface FileSize {
  readonly path: string;
  readonly bytes: number;
  readonly gzip: number;
}

export function buildReport(files: readonly FileSize[], { kernels, memory }: Compilation["report"]): string {
  const programs = [...new Set(kernels.map(({ program }) => program))];
  const lists = programs.map((program) => {
    const own = kernels.filter((kernel) => kernel.program === program);
    const flops = own.reduce((sum, kernel) => sum + kernel.flops, 0);
    return `${program}: ${counted(own.length, "kernel")}, ${(flops / 1e6).toFixed(1)} Mflop a full batch\n${kernelTable(own)}`;
  });
  const arenas = memory.programs.map(({ name, arena, unshared }) => {
    return [`arena of ${name}`, `${byteSize(arena)} (${byteSize(unshared)} if no two values shared memory)`] as const;
  });
  const plan = facts([
    ["parameters", byteSize(memory.parameters)],
    ["buffers", byteSize(memory.buffers)],
    ["optimizer state", byteSize(memory.states)],
    ["packed weights", byteSize(memory.packed)],
    ["inputs and scalars", byteSize(memory.inputs)],
    ...arenas,
    ["memory of the module", byteSize(memory.total)],
  ]);
  const sizes = files.map(({ path, bytes, gzip }) => [path, `${byteSize(bytes)}, ${byteSize(gzip)} gzipped`] as const);
  return `${lists.join("\n")}\n${plan}\n${facts(sizes)}`;
}
