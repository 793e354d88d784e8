/** Random graphs of bounded values, for comparing what passes and backends make of them. */
import type { Builder } from "../../compiler/ir/builder.ts";
import type { Module, TensorDecl, Value } from "../../compiler/ir/graph.ts";
import type { InterpretEnv } from "../../compiler/ir/interpret.ts";
import type { Tensor } from "../../compiler/ops/op.ts";
import { tensorOf } from "../../compiler/ops/tensor.ts";
import { allAxes } from "../../compiler/ops/types.ts";
import { random } from "../ops/random.ts";

const SHAPES: readonly (readonly number[])[] = [[3], [3, 5], [5], [1, 5], [3, 1], []];
const BOUNDED = ["sin", "cos", "tanh", "sigmoid", "erf"];

export interface RandomGraph {
  readonly module: Module;
  readonly env: InterpretEnv & { readonly inputs: Map<string, Tensor>; readonly tensors: Map<string, Tensor> };
}

/** `size` operations on a few leaves; the last ones are the results. The same seed gives the same graph. */
export function randomGraph(b: Builder, seed: number, size: number): RandomGraph {
  const next = random(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)];
  const n = 1 + Math.floor(next() * 4);
  const inputs = new Map([["x", tensorOf([n, 3, 5], () => 2 * next() - 1)]]);
  const tensors = new Map(
    SHAPES.filter((s) => s.length > 0).map((s, i) => [`p${i}`, tensorOf(s, () => 2 * next() - 1)]),
  );
  const values: Value[] = [
    b.op("input", [], { name: "x", dtype: "f32", shape: ["n", 3, 5] }),
    ...[...tensors].map(([name, { shape }]) => b.op("param", [], { name, shape })),
    ...[0, 1, -1, 2, 0.5].map((value) => b.const(value)),
    b.div(1, b.host("n")),
  ];
  const grow = new Growth(b, next);
  for (let i = 0; i < size; i++) values.push(grow.step(pick, values));
  const results = values.slice(-6).map((value, i) => ({ name: `y${i}`, value }));
  const declared = [...tensors].map(
    ([name, { shape }]): TensorDecl => ({
      name,
      kind: "param",
      shape,
      init: { kind: "constant", value: 0 },
      span: null,
    }),
  );
  const module: Module = {
    name: "random",
    batch: n,
    inputs: [{ name: "x", role: "input", dtype: "f32", shape: [3, 5], span: null }],
    tensors: declared,
    programs: [{ name: "run", results, updates: [] }],
  };
  return { module, env: { n, seed, step: 0, host: {}, inputs, tensors } };
}

type Pick = <T>(items: readonly T[]) => T;

class Growth {
  constructor(
    private readonly b: Builder,
    private readonly next: () => number,
  ) {}

  step(pick: Pick, values: readonly Value[]): Value {
    const { b } = this;
    const x = pick(values);
    const rank = x.type.shape.length;
    const kind = this.next();
    if (kind < 0.2) return b.op(pick(BOUNDED), [x]);
    if (kind < 0.3) return b.op(pick(["neg", "abs", "sign"]), [x]);
    if (kind < 0.65) return this.two(pick, x, pick(values));
    if (kind < 0.72) return this.choice(x, pick(values), pick(values));
    if (rank === 0) return b.exp(b.neg(b.mul(x, x)));
    if (kind < 0.82) return this.reduce(pick, x);
    if (kind < 0.9) return this.view(pick, x);
    return this.softmax(x);
  }

  /** Where the operands do not broadcast, the second is averaged first. Values stay small: sums are halved, quotients have divisors over 1. */
  private two(pick: Pick, x: Value, y: Value): Value {
    const { b } = this;
    const [u, v] = this.together(x, y);
    const op = pick(["add", "sub", "mul", "maximum", "minimum", "div"]);
    if (op === "div") return b.div(u, b.add(b.mul(v, v), 1));
    return op === "add" || op === "sub" ? b.mul(b.binary(op, u, v), 0.5) : b.binary(op, u, v);
  }

  private together(x: Value, y: Value): [Value, Value] {
    try {
      this.b.align([x, y]);
      return [x, y];
    } catch {
      return [x, this.mean(y, allAxes(y.type.shape.length))];
    }
  }

  private choice(x: Value, y: Value, z: Value): Value {
    const { b } = this;
    const [u, v] = this.together(x, y);
    const cond = b.binary("lt", u, v);
    const [, w] = this.together(b.cast(cond, "f32"), z);
    return b.where(cond, w, 0);
  }

  private mean(x: Value, axes: readonly number[]): Value {
    const { b } = this;
    const sum = b.sum(x, axes);
    return axes.reduce(
      (v, axis) => b.div(v, x.type.shape[axis] === "n" ? b.host("n") : (x.type.shape[axis] as number)),
      sum,
    );
  }

  private reduce(pick: Pick, x: Value): Value {
    const rank = x.type.shape.length;
    const axes = pick([[pick(allAxes(rank))], allAxes(rank), allAxes(rank).slice(1)]);
    return axes.length === 0 || this.next() < 0.7 ? this.mean(x, axes) : this.b.op("max", [x], { axes });
  }

  private view(pick: Pick, x: Value): Value {
    const { b } = this;
    const { shape } = x.type;
    const rank = shape.length;
    const kind = this.next();
    if (kind < 0.4) return b.transpose(x, rank === 1 ? [0] : [...allAxes(rank).slice(1), 0]);
    if (kind < 0.6) return b.reshape(x, [...shape, 1]);
    if (kind < 0.8 && !shape.includes("n"))
      return b.broadcast(
        x,
        ["n", ...shape],
        allAxes(rank).map((axis) => axis + 1),
      );
    const axis = pick(allAxes(rank));
    return shape[axis] === "n" ? x : b.op("reverse", [x], { axes: [axis] });
  }

  /** Written out, over the last axis, with or without the shift. */
  private softmax(x: Value): Value {
    const { b } = this;
    const { shape } = x.type;
    const axis = shape.length - 1;
    const keep = (v: Value) => b.broadcast(v, shape, allAxes(axis));
    const e = b.exp(this.next() < 0.5 ? x : b.sub(x, keep(b.op("max", [x], { axes: [axis] }))));
    return b.div(e, keep(b.sum(e, [axis])));
  }
}
