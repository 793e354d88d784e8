/** Every invariant of the verifier has a module that breaks it. */
import { describe, expect, test } from "vitest";
import { Builder } from "../../compiler/ir/builder.ts";
import type { Module, TensorDecl, Value } from "../../compiler/ir/graph.ts";
import { verify } from "../../compiler/ir/verify.ts";

const b = new Builder();
const w = b.op("param", [], { name: "w", shape: [3] });
const x = b.op("input", [], { name: "x", dtype: "f32", shape: ["n", 3] });
const declared: TensorDecl = { name: "w", kind: "param", shape: [3], init: { kind: "constant", value: 0 }, span: null };
const valid: Module = {
  name: "m",
  batch: 4,
  inputs: [{ name: "x", role: "input", dtype: "f32", shape: [3], span: null }],
  tensors: [declared],
  programs: [
    {
      name: "p",
      results: [{ name: "y", value: b.sum(b.mul(x, b.broadcast(w, ["n", 3], [1])), [0, 1]) }],
      updates: [{ target: "w", value: b.mul(w, 2) }],
    },
  ],
};

const returning = (...values: Value[]): Module => ({
  ...valid,
  programs: [{ name: "p", results: values.map((value, i) => ({ name: `y${i}`, value })), updates: [] }],
});
const updating = (target: string, value: Value): Module => ({
  ...valid,
  programs: [{ name: "p", results: [], updates: [{ target, value }] }],
});
const forged = (value: Partial<Value>): Value => ({ ...b.exp(w), id: 1000, ...value });

test("a valid module passes, bytes of an input among its leaves", () => {
  expect(() => verify(valid)).not.toThrow();
  const bytes = b.op("input", [], { name: "x.bytes", dtype: "u8", shape: ["n", 3] });
  const given = b.op("host", [], { name: "x.bytes" });
  expect(() => verify(returning(b.mul(b.cast(bytes, "f32"), given)))).not.toThrow();
});

describe("what is refused", () => {
  test.each<[string, Module, string]>([
    [
      "unknown operations",
      returning(forged({ op: "exq" })),
      'invalid IR: p: %1 : f32[3] = exq %0: there is no primitive "exq"',
    ],
    ["wrong operands", returning(forged({ inputs: [] })), "exp: exp takes 1 operand, found 0"],
    [
      "types that the operation does not give",
      returning(forged({ type: { dtype: "f32", shape: [4] } })),
      "invalid IR: p: %1 : f32[4] = exp %0: its type should be f32[3]",
    ],
    ["two sample axes", returning(forged({ type: { dtype: "f32", shape: ["n", "n"] } })), "a shape has at most one n"],
    ["sizes of zero", returning(forged({ type: { dtype: "f32", shape: [0] } })), "sizes must be positive integers"],
    ["an id twice", returning(w, forged({ id: w.id })), `shares the id ${w.id} with another value`],
    ["a computation twice", returning(b.exp(w), forged({})), "exp %0: is computed twice"],
    [
      "an undeclared parameter",
      returning(b.op("param", [], { name: "v", shape: [3] })),
      'invalid IR: p: %0 : f32[3] = param "v": no param "v" is declared',
    ],
    [
      "a parameter read as a state",
      returning(b.op("state", [], { name: "w", shape: [3] })),
      'no state "w" is declared',
    ],
    ["a leaf of another shape", returning(b.op("param", [], { name: "w", shape: [4] })), "declared as f32[3]"],
    [
      "an input without its sample axis",
      returning(b.op("input", [], { name: "x", dtype: "f32", shape: [3] })),
      "declared as f32[n, 3]",
    ],
    ["an unknown host value", returning(b.host("weather")), 'there is no host value "weather"'],
    ["a bool as result", returning(b.binary("lt", w, 0)), "result y0 must be f32 or i32"],
    ["an update of nothing", updating("v", w), "updates v, which is not declared"],
    ["an update of another type", updating("w", b.sum(w, [0])), "updates w, which is f32[3]"],
    ["a tensor declared twice", { ...valid, tensors: [declared, declared] }, '"w": more than one input or tensor'],
    ["a program twice", { ...valid, programs: [...valid.programs, ...valid.programs] }, '"p": more than one program'],
    [
      "a result twice",
      {
        ...valid,
        programs: [{ ...valid.programs[0], results: [...valid.programs[0].results, ...valid.programs[0].results] }],
      },
      '"y": more than one result of p',
    ],
    [
      "an update twice",
      {
        ...valid,
        programs: [{ ...valid.programs[0], updates: [...valid.programs[0].updates, ...valid.programs[0].updates] }],
      },
      '"w": more than one update of p',
    ],
    [
      "a declared size of zero",
      { ...valid, tensors: [{ ...declared, shape: [0] }] },
      "declaration of w: sizes must be positive",
    ],
  ])("%s", (_, module, message) => {
    expect(() => verify(module)).toThrow(message);
  });
});
