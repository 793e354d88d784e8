/** Loads and stores of the loop IR as WASM instructions. */
import type { Expr, Stmt } from "../../ir/loops.ts";
import type { Code } from "../../wasm/index.ts";
import { type Emitter, SIZES } from "./emitter.ts";
import { emitExpr } from "./expression.ts";

type Load = Expr & { readonly k: "load" };
type Store = Stmt & { readonly k: "store" };

export function emitLoad(to: Emitter, load: Load): Code {
  const { buffer, at, stride, ty } = load;
  const { code } = to;
  const vector = ty.endsWith("x4");
  if (vector && stride === -1) return loadReversed(to, load);
  if (vector && stride !== 0 && stride !== 1) return loadStrided(to, load);
  const offset = to.address(buffer, at);
  if (buffer.elem === "u8") {
    if (!vector) return code.op("i32.load8_u", offset);
    if (stride === 0) return code.op("i32.load8_u", offset).op("i32x4.splat");
    return loadBytes(code, offset, [0, 1, 2, 3]);
  }
  if (!vector) return code.op(ty === "f32" ? "f32.load" : "i32.load", offset);
  return code.op(stride === 0 ? "v128.load32_splat" : "v128.load", offset);
}

/** The four elements up to the address, the last one first. */
function loadReversed(to: Emitter, { buffer, at }: Load): Code {
  const { code } = to;
  const all = code.local("v128");
  const offset = to.address(buffer, at, -3) - 3 * SIZES[buffer.elem];
  if (buffer.elem === "u8") return loadBytes(code, offset, [3, 2, 1, 0]);
  return code.op("v128.load", offset).tee(all).get(all).op("i8x16.shuffle", REVERSED);
}

/** Four bytes as integers, in this order. */
function loadBytes(code: Code, offset: number, order: readonly number[]): Code {
  const lanes = order.flatMap((byte) => [byte, NO_BYTE, NO_BYTE, NO_BYTE]);
  return code.op("v128.load32_zero", offset).op("v128.const", lanes).op("i8x16.swizzle");
}

/** Of such a place there is nothing: 0. */
const NO_BYTE = 0xff;

const REVERSED = [12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3];

/** Four loads into lanes, from one address with four offsets. */
function loadStrided(to: Emitter, { buffer, at, stride }: Load): Code {
  const { code } = to;
  const step = stride * SIZES[buffer.elem];
  const address = code.local("i32");
  const offset = to.address(buffer, at, Math.min(0, 3 * stride));
  code.set(address);
  if (buffer.elem === "u8") {
    code.get(address).op("i32.load8_u", offset).op("i32x4.splat");
    for (const lane of [1, 2, 3]) {
      code
        .get(address)
        .op("i32.load8_u", offset + lane * step)
        .op("i32x4.replace_lane", lane);
    }
    return code;
  }
  for (let lane = 0; lane < 4; lane++) code.get(address);
  code.op("v128.load32_zero", offset);
  for (const lane of [1, 2, 3]) code.op("v128.load32_lane", offset + lane * step, lane);
  return code;
}

export function emitStore(to: Emitter, store: Store): void {
  const { buffer, at, value, stride, count = 4 } = store;
  const { code } = to;
  const vector = value.ty.endsWith("x4");
  if (vector && (stride !== 1 || count !== 4)) {
    storeLanes(to, store, count);
    return;
  }
  const offset = to.address(buffer, at);
  emitExpr(to, value);
  if (vector && buffer.elem === "u8") {
    const all = code.local("v128");
    code.tee(all).get(all).op("i8x16.shuffle", LOW_BYTES).op("v128.store32_lane", offset, 0);
  } else if (vector) code.op("v128.store", offset);
  else if (buffer.elem === "u8") code.op("i32.store8", offset);
  else code.op(value.ty === "f32" ? "f32.store" : "i32.store", offset);
}

/** The lowest byte of each lane, side by side. */
const LOW_BYTES = [0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12];

/** One store for each lane, to one address with several offsets. */
function storeLanes(to: Emitter, { buffer, at, value, stride }: Store, count: number): void {
  const { code } = to;
  const step = stride * SIZES[buffer.elem];
  const address = code.local("i32");
  const vector = code.local("v128");
  const offset = to.address(buffer, at, Math.min(0, (count - 1) * stride));
  code.set(address);
  emitExpr(to, value);
  code.set(vector);
  for (let lane = 0; lane < count; lane++) {
    code.get(address).get(vector);
    if (buffer.elem === "u8") code.op("v128.store8_lane", offset + lane * step, 4 * lane);
    else code.op("v128.store32_lane", offset + lane * step, lane);
  }
}

type Zero = Stmt & { readonly k: "zero" };

/** As many bytes as stores write in less time than a call of the engine's own routine takes. */
const FEW_BYTES = 256;

export function emitZero(to: Emitter, { buffer, at, count }: Zero): void {
  const { code } = to;
  const size = SIZES[buffer.elem];
  const bytes = count.k === "const" ? Number(count.value) * size : Number.POSITIVE_INFINITY;
  const offset = to.address(buffer, at);
  if (bytes <= FEW_BYTES) return storeZeros(code, offset, bytes);
  if (offset !== 0) code.i32(offset).op("i32.add");
  code.i32(0);
  emitExpr(to, count);
  if (size > 1) code.i32(Math.log2(size)).op("i32.shl");
  code.op("memory.fill");
}

/** Zeros from the address on the stack. */
function storeZeros(code: Code, offset: number, bytes: number): void {
  const address = code.local("i32");
  code.set(address);
  let done = 0;
  for (; bytes - done >= 16; done += 16) {
    code.get(address).i32(0).op("i32x4.splat");
    code.op("v128.store", offset + done);
  }
  for (; bytes - done >= 4; done += 4)
    code
      .get(address)
      .i32(0)
      .op("i32.store", offset + done);
  for (; done < bytes; done++)
    code
      .get(address)
      .i32(0)
      .op("i32.store8", offset + done);
}
