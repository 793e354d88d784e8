import { expect, test } from "vitest";
import { affine, KernelBuilder } from "../../compiler/4-codegen/kernel-builder.ts";
import { eachStmt } from "../../compiler/4-codegen/traverse.ts";
import type { Local } from "../../compiler/ir/loops.ts";
import { printKernel } from "../../compiler/ir/loops-text.ts";

/** y = flag ? 2 · a : b, a row at a time, with a sum of what was chosen. */
function choosing() {
  const k = new KernelBuilder();
  const { e } = k;
  const [a, b, y] = ["a", "b", "y"].map((name) => k.buffer(name, "f32"));
  const load = (buffer: typeof a, i: Local) =>
    k.let({ k: "load", ty: "f32", buffer, at: affine(0, [i, 1]), stride: 0 });
  const flag = k.hoisted(e.compare("gt", e.local(k.n), e.const(2, "i32")), "flag");
  k.for("i", 0, 8, 1, (i) => k.add({ k: "store", buffer: y, at: affine(0, [i, 1]), value: e.const(0), stride: 0 }));
  k.for("i", 0, 8, 1, (i) => {
    const sum = k.variable(e.const(0), "sum");
    const chosen = k.choose(flag, e.mul(load(a, i), e.const(2)), load(b, i));
    k.set(sum, e.add(e.local(sum), chosen));
    k.add({ k: "store", buffer: y, at: affine(0, [i, 1]), value: e.local(sum), stride: 0 });
  });
  return k.finish("choosing");
}

test("a loop that chooses becomes two, each with what it needs; others stay", () => {
  expect(printKernel(choosing())).toMatchInlineSnapshot(`
    "kernel choosing(a: f32, b: f32, y: f32; n)
      let flag0: bool = (n > 2)
      for i1 = 0 to 8 step 1
        y[i1] = 0.0
      if flag0
        for i2 = 0 to 8 step 1
          let sum3: f32 = 0.0
          let t4: f32 = a[i2]
          let t6: f32 = (t4 * 2.0)
          sum3 = (sum3 + t6)
          y[i2] = sum3
      else
        for i2'1 = 0 to 8 step 1
          let sum3'1: f32 = 0.0
          let t5: f32 = b[i2'1]
          let t6'1: f32 = t5
          sum3'1 = (sum3'1 + t6'1)
          y[i2'1] = sum3'1"
  `);
});

test("the two loops share no locals: what is assigned once stays so", () => {
  const assigned: Local[] = [];
  eachStmt(choosing().body, (s) => {
    if (s.k === "let" || s.k === "for") assigned.push(s.v);
  });
  expect(new Set(assigned).size).toBe(assigned.length);
});
