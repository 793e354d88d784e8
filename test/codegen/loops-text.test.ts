import { describe, expect, it } from "vitest";
import { reduceStrength } from "../../compiler/4-codegen/strength.ts";
import type { Buffer, Expr, Kernel, Local, Stmt } from "../../compiler/ir/loops.ts";
import { canonicalKernel, printKernel, printLoops } from "../../compiler/ir/loops-text.ts";

/** y[i] = 0.5·x[stride·i] for i < n, the last elements one by one. */
function scale(names: { kernel: string; x: string; i: string }, factor = 0.5, stride = 1): Kernel {
  const [x, y]: Buffer[] = [names.x, "y"].map((name) => ({ name, elem: "f32" }));
  const n: Local = { name: "n", ty: "i32" };
  const whole: Local = { name: "whole", ty: "i32" };
  const read = (v: Local): Expr => ({ k: "local", ty: v.ty, v });
  const i32 = (value: number): Expr => ({ k: "const", ty: "i32", value });
  const loop = (ty: "f32" | "f32x4", from: Expr, to: Expr, step: number): Stmt => {
    const i: Local = { name: names.i, ty: "i32" };
    const load: Expr = { k: "load", ty, buffer: x, at: { base: 0, terms: [{ v: i, by: stride }] }, stride };
    const value: Expr = { k: "binary", ty, op: "mul", a: load, b: { k: "const", ty, value: factor } };
    const at = { base: 0, terms: [{ v: i, by: 1 }] };
    return { k: "for", v: i, from, to, step, body: [{ k: "store", buffer: y, at, value, stride: 1 }] };
  };
  const body: Stmt[] = [
    { k: "let", v: whole, init: { k: "binary", ty: "i32", op: "and", a: read(n), b: i32(-4) } },
    loop("f32x4", i32(0), read(whole), 4),
    loop("f32", read(whole), read(n), 1),
  ];
  return { name: names.kernel, buffers: [x, y], n, body };
}

const NAMES = { kernel: "scale", x: "x", i: "i" };

describe("loop IR as text", () => {
  it("prints kernels as templates write them", () => {
    expect(printKernel(scale(NAMES))).toMatchInlineSnapshot(`
      "kernel scale(x: f32, y: f32; n)
        let whole: i32 = (n & -4)
        for i = 0 to whole step 4
          y[i :1] = (x[i :1] * 0.5x4)
        for i'1 = whole to n step 1
          y[i'1] = (x[i'1] * 0.5)"
    `);
  });

  it("prints them with pointers after strength reduction", () => {
    expect(printKernel(reduceStrength(scale(NAMES)))).toMatchInlineSnapshot(`
      "kernel scale(x: f32, y: f32; n)
        let whole: i32 = (n & -4)
        if (0 < whole)
          x_i = &x[0]
          y_i = &y[0]
          let i_trips: i32 = ((whole + 3) / 4)
          x_i_end = &x[x_i + 4*i_trips]
          do
            y[y_i :1] = (x[x_i :1] * 0.5x4)
            x_i = &x[x_i + 4]
            y_i = &y[y_i + 4]
          while (x_i != x_i_end)
        let i: i32 = whole
        if (i < n)
          x_i'1 = &x[i]
          y_i'1 = &y[i]
          let i_trips'1: i32 = (n - i)
          x_i_end'1 = &x[x_i'1 + i_trips'1]
          do
            y[y_i'1] = (x[x_i'1] * 0.5)
            x_i'1 = &x[x_i'1 + 1]
            y_i'1 = &y[y_i'1 + 1]
          while (x_i'1 != x_i_end'1)"
    `);
  });

  it("prints programs as calls", () => {
    const kernel = scale(NAMES);
    const calls = [{ kernel, args: [0, 64], writes: [] }];
    const text = printLoops({
      programs: [{ name: "main", steps: calls }],
      memoryBytes: 128,
      floatBytes: 4,
      checkFinite: false,
    });
    expect(text).toBe(`${printKernel(kernel)}\n\nprogram main\n  scale(0, 64)\n`);
  });

  it("has one canonical form for kernels that differ in names only", () => {
    const canonical = canonicalKernel(scale(NAMES));
    expect(canonicalKernel(scale({ kernel: "other", x: "z", i: "j" }))).toBe(canonical);
    expect(canonicalKernel(scale(NAMES, -0.5))).not.toBe(canonical);
    expect(canonicalKernel(scale(NAMES, 0.5, 2))).not.toBe(canonical);
    expect(canonicalKernel(scale(NAMES, 0))).not.toBe(canonicalKernel(scale(NAMES, -0)));
  });
});
