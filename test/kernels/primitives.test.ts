import { describe, expect, test } from "vitest";
import { Builder } from "../../compiler/ir/builder.ts";
import type { InputDecl, Module, TensorDecl, Value } from "../../compiler/ir/graph.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import { ops } from "../../compiler/ops/index.ts";
import type { OpDef, Sample, Tensor } from "../../compiler/ops/op.ts";
import { load, targets } from "./run.ts";

/** The sample as a module whose one result is the primitive; operands are tensors, or inputs where they have a sample axis. */
function moduleOf(op: OpDef, sample: Sample, seed: number) {
  const b = new Builder();
  const n = sample.n ?? 3;
  const inputs: InputDecl[] = [];
  const tensors: TensorDecl[] = [];
  const values = new Map<string, Tensor>();
  let state = seed * 2654435761 + 12345;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const operands = sample.inputs.map(({ shape, dtype = "f32", range = [-2, 2] }, i): Value => {
    const name = `x${i}`;
    const integer = dtype !== "f32";
    const concrete = shape.map((d) => (d === "n" ? n : d));
    const size = concrete.reduce((a, c) => a * c, 1);
    const [low, high] = dtype === "bool" ? [0, 2] : range;
    const draw = () => low + random() * (high - low);
    const data = Float64Array.from({ length: size }, () => (integer ? Math.floor(draw()) : Math.fround(draw())));
    values.set(name, { shape: concrete, data });
    const sampled = shape[0] === "n";
    if (sampled)
      inputs.push({
        name,
        role: "input",
        dtype: integer ? "i32" : "f32",
        shape: shape.slice(1) as number[],
        span: null,
      });
    else tensors.push({ name, kind: "param", shape: concrete, init: { kind: "constant", value: 0 }, span: null });
    const leaf = sampled
      ? b.op("input", [], { name, dtype: integer ? "i32" : "f32", shape })
      : b.op("param", [], { name, shape });
    const whole = integer && !sampled ? b.cast(leaf, "i32") : leaf;
    return dtype === "bool" ? b.op("ne", [whole, b.cast(b.const(0), "i32")]) : whole;
  });
  const result = b.op(op.name, operands, sample.attrs ?? {});
  const visible = result.type.dtype === "bool" ? b.cast(result, "f32") : result;
  const module: Module = {
    name: op.name,
    batch: n + 2,
    inputs,
    tensors,
    programs: [{ name: "run", results: [{ name: "y", value: visible }], updates: [] }],
  };
  return { b, module, values, n };
}

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
