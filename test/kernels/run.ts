/** Compiles a hand-made module through layouts, fusion, planning and a backend, and runs one of its programs. */

import { chooseAlgorithms } from "../../compiler/3-passes/algorithms.ts";
import { assignLayouts, Layouts } from "../../compiler/3-passes/layout.ts";
import { type Assembled, assemble } from "../../compiler/4-codegen/assemble.ts";
import { emitJs } from "../../compiler/4-codegen/js-backend.ts";
import { planPrograms } from "../../compiler/compile.ts";
import type { Builder } from "../../compiler/ir/builder.ts";
import type { Module } from "../../compiler/ir/graph.ts";
import type { Tensor } from "../../compiler/ops/op.ts";
import { gather, stridesOf } from "../../compiler/ops/tensor.ts";
import type { Target } from "../../compiler/target.ts";
import type { Engine } from "../../runtime/abi.ts";

export const targets: Readonly<Record<"wasm" | "fast" | "js" | "f64", Target>> = {
  wasm: { backend: "wasm", lanes: 4, floatBytes: 4, numerics: "strict", blocks: "never" },
  fast: { backend: "wasm", lanes: 4, floatBytes: 4, numerics: "fast", blocks: "never" },
  js: { backend: "js", lanes: 1, floatBytes: 4, numerics: "strict", blocks: "never" },
  f64: { backend: "js", lanes: 1, floatBytes: 8, numerics: "strict", blocks: "never" },
};

export interface Running {
  readonly assembled: Assembled;
  readonly engine: Engine;
  write(name: string, tensor: Tensor): void;
  /** The result `name` of the program, for `n` samples. */
  read(program: string, name: string, n: number): Tensor;
  tensor(name: string): Tensor;
}

export async function load(module: Module, b: Builder, target: Target): Promise<Running> {
  const placed = assignLayouts(chooseAlgorithms(module, b, target), b, target);
  const layouts = new Layouts();
  const assembled = assemble(placed, planPrograms(placed, layouts, target), layouts, target, false);
  const engine = await instantiate(assembled, target);
  const { manifest } = assembled;
  const floats = (address: number, count: number) =>
    target.floatBytes === 8
      ? new Float64Array(engine.memory, address, count)
      : new Float32Array(engine.memory, address, count);
  const size = (shape: readonly number[]) => shape.reduce((a, c) => a * c, 1);
  return {
    assembled,
    engine,
    write(name, tensor) {
      const input = manifest.inputs.find((i) => i.name === name);
      const address = (input ?? manifest.tensors.find((t) => t.name === name)!).address;
      if (input?.dtype === "i32") new Int32Array(engine.memory, address, tensor.data.length).set(tensor.data);
      else floats(address, tensor.data.length).set(tensor.data);
    },
    read(program, name, n) {
      const result = manifest.programs[program].results.find((r) => r.name === name)!;
      const shape = result.shape.map((d) => (d === "n" ? n : d));
      // In memory the sample axis has room for a whole batch.
      const room = result.shape.map((d) => (d === "n" ? module.batch : d));
      const data =
        result.dtype === "i32"
          ? new Int32Array(engine.memory, result.address, size(room))
          : floats(result.address, size(room));
      return gather({ shape: room, data: Float64Array.from(data) }, shape, stridesOf(room));
    },
    tensor(name) {
      const { address, shape } = manifest.tensors.find((t) => t.name === name)!;
      return { shape, data: Float64Array.from(floats(address, size(shape))) };
    },
  };
}

async function instantiate({ loops }: Assembled, target: Target): Promise<Engine> {
  if (target.backend === "js") {
    const text = emitJs(loops);
    const module = await import(
      /* @vite-ignore */ `data:text/javascript;base64,${btoa(unescape(encodeURIComponent(text)))}`
    );
    return module.instantiate();
  }
  const { emitWasm } = await import("../../compiler/4-codegen/wasm-backend.ts");
  const { instance } = await WebAssembly.instantiate(emitWasm(loops) as BufferSource);
  const exports = instance.exports as { memory: WebAssembly.Memory } & Record<string, (n: number) => number>;
  return { memory: exports.memory.buffer, run: (program, n) => exports[program](n) };
}
