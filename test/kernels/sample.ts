import { Builder } from "../../compiler/ir/builder.ts";
import type { InputDecl, Module, TensorDecl, Value } from "../../compiler/ir/graph.ts";
import type { OpDef, Sample, Tensor } from "../../compiler/ops/op.ts";

/** The sample as a module whose one result is the primitive; operands are tensors, or inputs where they have a sample axis. */
export function moduleOf(op: OpDef, sample: Sample, seed: number) {
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
