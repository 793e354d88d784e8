/** Expressions of the loop IR as WASM instructions that leave their value on the stack. */
import type { BinaryOp, CompareOp, Expr, UnaryOp } from "../../ir/loops.ts";
import type { Code, OpName } from "../../wasm/index.ts";
import { type Emitter, ONE } from "./emitter.ts";
import { emitLoad } from "./memory.ts";

type Of<K extends Expr["k"]> = Expr & { readonly k: K };

/** Returns the function's code, for the instruction that takes the value. */
export function emitExpr(to: Emitter, e: Expr): Code {
  switch (e.k) {
    case "const":
      return to.constant(e);
    case "local":
      return to.code.get(to.local(e.v));
    case "unary":
      return emitUnary(to, e);
    case "binary":
      return emitBinary(to, e);
    case "compare":
      emitExpr(to, e.a);
      return emitExpr(to, e.b).op(compareOp(e.op, e.a.ty));
    case "select":
      return emitSelect(to, e);
    case "cast":
      return emitCast(to, e);
    case "splat":
      return emitSplat(to, e);
    case "fold":
      return emitFold(to, e);
    case "lane":
      return emitLane(to, e);
    case "load":
      return emitLoad(to, e);
    case "share":
      return emitShare(to, e);
    case "uniform":
      return emitUniform(to, e);
  }
}

/** A lane of a mask is all ones or all zeros: a choice between a value and zero is one instruction, any other three. */
function emitSelect(to: Emitter, { ty, cond, a, b }: Of<"select">): Code {
  const vector = ty.endsWith("x4");
  if (vector && (isZero(a) || isZero(b))) {
    emitExpr(to, isZero(a) ? b : a);
    return emitExpr(to, cond).op(isZero(a) ? "v128.andnot" : "v128.and");
  }
  emitExpr(to, a);
  emitExpr(to, b);
  emitExpr(to, cond);
  return vector ? to.code.op("v128.bitselect") : to.code.select();
}

function isZero(e: Expr): boolean {
  return e.k === "splat" ? isZero(e.a) : e.k === "const" && Object.is(e.value, 0);
}

const NATIVE: readonly UnaryOp[] = ["neg", "abs", "sqrt", "floor", "ceil", "nearest"];

function emitUnary(to: Emitter, { op, ty, a }: Of<"unary">): Code {
  const { code } = to;
  if (op === "neg" && ty === "i32") code.i32(0);
  emitExpr(to, a);
  if (op === "not") return code.op(ty === "bool" ? "i32.eqz" : "v128.not");
  if (op === "neg" && ty === "i32") return code.op("i32.sub");
  if (op === "abs" && ty === "i32") return code.op("i32x4.splat").op("i32x4.abs").op("i32x4.extract_lane", 0);
  if (NATIVE.includes(op)) return code.op(`${ty}.${op}` as OpName);
  return ty === "f32" ? code.op("f32x4.splat").call(to.math(op)).op("f32x4.extract_lane", 0) : code.call(to.math(op));
}

const INTEGER: Partial<Record<BinaryOp, string>> = { max: "max_s", min: "min_s", pmax: "max_s", pmin: "min_s" };

function emitBinary(to: Emitter, e: Of<"binary">): Code {
  const { code } = to;
  const { op, ty, a, b } = e;
  if (op === "pow") return emitPow(to, e);
  if (op === "rem" || (op === "div" && ty.startsWith("i32"))) return emitIntegerDivision(to, e);
  if (op === "shl" || op === "shr_u") return emitShift(to, e);
  emitExpr(to, a);
  if (needsVector(op, ty)) {
    // Scalar pmax, pmin and integer max, min exist only as vector instructions.
    const splat: OpName = ty === "f32" ? "f32x4.splat" : "i32x4.splat";
    code.op(splat);
    emitExpr(to, b).op(splat);
    return code.op(`${ty}x4.${(ty === "i32" && INTEGER[op]) || op}` as OpName).op(`${ty}x4.extract_lane` as OpName, 0);
  }
  return emitExpr(to, b).op(binaryOp(op, ty));
}

function binaryOp(op: BinaryOp, ty: Expr["ty"]): OpName {
  const bitwise = op === "and" || op === "or" || op === "xor";
  if (ty === "bool") return `i32.${op}` as OpName;
  if (ty === "boolx4" || (ty === "i32x4" && bitwise)) return `v128.${op}` as OpName;
  return `${ty}.${(ty === "i32x4" && INTEGER[op]) || op}` as OpName;
}

function needsVector(op: BinaryOp, ty: Expr["ty"]): boolean {
  return (ty === "f32" && (op === "pmax" || op === "pmin")) || (ty === "i32" && (op === "max" || op === "min"));
}

function emitPow(to: Emitter, { ty, a, b }: Of<"binary">): Code {
  const { code } = to;
  for (const operand of [a, b]) {
    emitExpr(to, operand);
    if (ty === "f32") code.op("f32x4.splat");
  }
  code.call(to.math("pow"));
  return ty === "f32" ? code.op("f32x4.extract_lane", 0) : code;
}

/** Vectors are shifted by one count for all lanes. */
function emitShift(to: Emitter, { op, ty, a, b }: Of<"binary">): Code {
  emitExpr(to, a);
  return emitExpr(to, ty === "i32" ? b : firstLane(b)).op(`${ty}.${op}` as OpName);
}

function firstLane(e: Expr): Expr {
  if (e.k === "splat") return e.a;
  return e.k === "const" ? { ...e, ty: "i32" } : { k: "lane", ty: "i32", lane: 0, a: e };
}

/**
 * Division by a constant c > 0, rounding down, and its remainder. With q = a / c and r = a % c, which round towards zero, and
 * r >> 31, which is -1 where r is negative: a div c = q + (r >> 31), and a rem c = r + (c & (r >> 31)).
 */
function emitIntegerDivision(to: Emitter, { op, ty, a, b }: Of<"binary">): Code {
  const { code } = to;
  const c = b.k === "const" && typeof b.value === "number" ? b.value : 0;
  if (c <= 0) throw new TypeError("integer division by something else than a positive constant");
  emitExpr(to, a);
  const vector = ty === "i32x4";
  const shift = Math.log2(c);
  if (Number.isInteger(shift)) {
    if (op === "div") return code.i32(shift).op(vector ? "i32x4.shr_s" : "i32.shr_s");
    code.i32(c - 1);
    return vector ? code.op("i32x4.splat").op("v128.and") : code.op("i32.and");
  }
  const divide = op === "div" ? divideDown : remainderDown;
  if (!vector) return divide(code, c);
  const all = code.local("v128");
  code.set(all).get(all);
  for (const lane of [0, 1, 2, 3]) {
    code.get(all).op("i32x4.extract_lane", lane);
    divide(code, c).op("i32x4.replace_lane", lane);
  }
  return code;
}

function divideDown(code: Code, c: number): Code {
  const [a, quotient] = [code.local("i32"), code.local("i32")];
  code.tee(a).i32(c).op("i32.div_s").tee(quotient);
  code.get(a).get(quotient).i32(c).op("i32.mul").op("i32.sub");
  return code.i32(31).op("i32.shr_s").op("i32.add");
}

function remainderDown(code: Code, c: number): Code {
  const r = code.local("i32");
  code.i32(c).op("i32.rem_s").tee(r).get(r).i32(31).op("i32.shr_s");
  return code.i32(c).op("i32.and").op("i32.add");
}

function compareOp(op: CompareOp, ty: Expr["ty"]): OpName {
  const vector = ty.endsWith("x4");
  if (ty.startsWith("f32")) return `${ty}.${op}` as OpName;
  const signed = op === "eq" || op === "ne" ? op : `${op}_s`;
  return `${vector ? "i32x4" : "i32"}.${signed}` as OpName;
}

function emitCast(to: Emitter, { ty, a }: Of<"cast">): Code {
  const code = emitExpr(to, a);
  switch (a.ty) {
    case "f32":
      return code.op("i32.trunc_sat_f32_s");
    case "f32x4":
      return code.op("i32x4.trunc_sat_f32x4_s");
    case "i32":
      return code.op("f32.convert_i32_s");
    case "i32x4":
      return code.op("f32x4.convert_i32x4_s");
    case "bool":
      return ty === "f32" ? code.op("f32.convert_i32_u") : code;
    case "boolx4":
      return ty === "f32x4" ? to.constant(ONE).op("v128.and") : code.op("i32x4.neg");
  }
}

function emitSplat(to: Emitter, { ty, a }: Of<"splat">): Code {
  const { code } = to;
  if (a.k === "load" && a.buffer.elem !== "u8") return emitLoad(to, { ...a, ty, stride: 0 });
  if (a.ty === "bool") {
    code.i32(0);
    return emitExpr(to, a).op("i32.sub").op("i32x4.splat");
  }
  return emitExpr(to, a).op(a.ty === "f32" ? "f32x4.splat" : "i32x4.splat");
}

/** (l0 ∘ l1) ∘ (l2 ∘ l3), by two rotations of the lanes. */
function emitFold(to: Emitter, { op, ty, a }: Of<"fold">): Code {
  const { code } = to;
  const vector = code.local("v128");
  const combine = `${a.ty}.${(ty === "i32" && INTEGER[op]) || op}` as OpName;
  emitExpr(to, a);
  for (const lanes of [SWAP_PAIRS, SWAP_HALVES]) {
    code.tee(vector).get(vector).get(vector).op("i8x16.shuffle", lanes).op(combine);
  }
  return code.op(`${a.ty}.extract_lane` as OpName, 0);
}

const shuffleOf = (...lanes: number[]): number[] => lanes.flatMap((l) => [4 * l, 4 * l + 1, 4 * l + 2, 4 * l + 3]);
const SWAP_PAIRS = shuffleOf(1, 0, 3, 2);
const SWAP_HALVES = shuffleOf(2, 3, 0, 1);

function emitLane(to: Emitter, { ty, lane, a }: Of<"lane">): Code {
  const code = emitExpr(to, a);
  if (ty === "f32") return code.op("f32x4.extract_lane", lane);
  code.op("i32x4.extract_lane", lane);
  return ty === "bool" ? code.i32(1).op("i32.and") : code;
}

/** ⌈trips · t / threads⌉ with t = thread, or its mirror image; one more for the end. */
function emitShare(to: Emitter, { trips, end, fromLast }: Of<"share">): Code {
  const { code, team } = to;
  if (!team) throw new TypeError("a share of a loop in a module without threads");
  emitExpr(to, trips).op("i64.extend_i32_u");
  if (fromLast)
    code
      .get(team.threads)
      .i32(end ? 0 : 1)
      .op("i32.sub")
      .get(team.thread)
      .op("i32.sub");
  else
    code
      .get(team.thread)
      .i32(end ? 1 : 0)
      .op("i32.add");
  code.op("i64.extend_i32_u").op("i64.mul");
  code.get(team.threads).i32(1).op("i32.sub").op("i64.extend_i32_u").op("i64.add");
  return code.get(team.threads).op("i64.extend_i32_u").op("i64.div_u").op("i32.wrap_i64");
}

/** site · 2^32/φ: spreads the sites over the keys. */
export const GOLDEN = 0x9e3779b9;

function emitUniform(to: Emitter, { ty, index, site, seed, step }: Of<"uniform">): Code {
  const { code } = to;
  emitExpr(to, index);
  if (ty === "f32") code.op("i32x4.splat");
  emitExpr(to, step);
  emitExpr(to, seed);
  code.i32(Math.imul(site, GOLDEN)).op("i32.xor").call(to.math("uniform"));
  return ty === "f32" ? code.op("f32x4.extract_lane", 0) : code;
}
