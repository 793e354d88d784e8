import { describe, expect, test } from "vitest";
import { interpret } from "../../compiler/ir/interpret.ts";
import { ops } from "../../compiler/ops/index.ts";
import { load, targets } from "./run.ts";
import { moduleOf } from "./sample.ts";

const own = ops.filter((op) => op.category !== "leaf" && op.name !== "grad");
const seed = 7;

describe.each(Object.keys(targets) as (keyof typeof targets)[])("%s kernels agree with the interpreter", (target) => {
  describe.each(own.map((op) => [op.name, op] as const))("%s", (_, op) => {
    test.each(op.samples.map((sample, i) => [i, sample] as const))("sample %i", async (i, sample) => {
      if (sample.inputs.some((x) => (x.dtype as string) === "u8" || x.shape.slice(1).includes("n"))) return;
      const { b, module, values, n } = moduleOf(op, sample, i + 1);
      const expected = interpret(module.programs[0], { n, seed, step: 3, host: {}, tensors: values, inputs: values });
      const running = await load(module, b, targets[target]);
      for (const [name, tensor] of values) running.write(name, tensor);
      new Uint32Array(running.engine.memory, running.assembled.manifest.rng, 2).set([seed, 3]);
      running.engine.run("run", n);
      const y = running.read("run", "y", n);
      const want = expected.results.get("y")!;
      expect(y.shape).toEqual([...want.shape]);
      const scale = want.data.reduce((m, v) => (Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m), 1e-30);
      const tolerance = { f64: 1e-12, js: 1e-5, wasm: 1e-5, fast: 1e-4 }[target] * scale;
      for (let k = 0; k < want.data.length; k++) {
        if (!Number.isFinite(want.data[k])) expect(y.data[k]).toBe(want.data[k]);
        else if (!(Math.abs(y.data[k] - want.data[k]) <= tolerance)) {
          expect.fail(`element ${k}: ${y.data[k]} instead of ${want.data[k]} (tolerance ${tolerance})`);
        }
      }
    });
  });
});
