/**
 * Depthwise convolution (each channel by itself), its input gradient and its weight gradient, lanes along the channels. Bound
 * by memory: 4 pixels of a row at a time read each element of x and each weight once from the nearest cache.
 */
import { type Window, windowsOf } from "../../3-passes/taps.ts";
import { sizeOf } from "../../ir/graph.ts";
import { stridesOf } from "../../ir/layout.ts";
import type { Affine, Buffer, Expr, Local } from "../../ir/loops.ts";
import { bestBalanced } from "../balance.ts";
import { finish, type GroupContext, operand, sumSoFar, zeroPadding } from "../group-context.ts";
import { addAffine, affine } from "../kernel-builder.ts";
import { addressOf, type Place } from "../scope.ts";
import { inputAt, outputAt, tapsInside, weightOf } from "./conv.ts";

const PIXELS = 4;
/** Registers for sums and for what a step loads, so that engines spill none. */
const REGISTERS = 15;

export function depthwise(ctx: GroupContext): void {
  const { k } = ctx;
  const anchor = ctx.group.anchor!;
  const windows = windowsOf(anchor);
  const [samples, channels] = anchor.type.shape;
  for (const output of ctx.group.outputs) zeroPadding(ctx, output);
  const bySample = bestBalanced([sizeOf([samples], ctx.batch), windows[0][0].out.count]) === 0;
  // Windows of as many rows and columns take turns, so that memory is written from one end to the other; so results that lie
  // apart are made one by one.
  const strips = (n: Local, together: readonly (readonly Window[])[]) => {
    const [[[rows, { out }]]] = together;
    const atOnce = out.step === 1 ? PIXELS : 1;
    const main = out.count - (out.count % atOnce);
    const line = (windows: readonly Window[], y: Local) => {
      const tiles = (first: number, end: number, pixels: number) => {
        if (first === end) return;
        k.for("x", first, end, pixels, (x) => {
          for (const window of windows) {
            eachVector(ctx, channels as number, (c, lanes) => tile(ctx, window, { n, y, x, c }, pixels, lanes));
          }
        });
      };
      tiles(0, main, atOnce);
      tiles(main, out.count, out.count - main);
    };
    const lines = (y: Local) => {
      for (const sameRow of together) line(sameRow, y);
    };
    k.for("y", 0, rows.out.count, 1, lines, !bySample && "first");
  };
  const bySize = grouped(windows, ([rows, columns]) => `${rows.out.count} ${columns.out.count}`);
  const sample = (n: Local) => {
    for (const windows of bySize) {
      strips(
        n,
        grouped(windows, ([rows]) => String(rows.out.start)),
      );
    }
  };
  k.for("n", 0, k.dim(samples), 1, sample, bySample && "first");
}

function grouped<T>(items: readonly T[], key: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return [...groups.values()];
}

/** Vectors of channels, then what is left of one. */
function eachVector(ctx: GroupContext, channels: number, body: (c: Local, lanes: number) => void): void {
  const { lanes } = ctx.target;
  const rest = channels % lanes;
  if (channels > rest) ctx.k.for("c", 0, channels - rest, lanes, (c) => body(c, lanes));
  if (rest > 0) ctx.k.for("c", channels - rest, channels, rest, (c) => body(c, rest));
}

interface Position {
  readonly n: Local;
  readonly y: Local;
  readonly x: Local;
  readonly c: Local;
}

function tile(ctx: GroupContext, [rows, columns]: Window, at: Position, pixels: number, lanes: number): void {
  const { k } = ctx;
  const { e } = k;
  const anchor = ctx.group.anchor!;
  const [x, w] = anchor.inputs.map((value) => operand(ctx, value));
  const [, , down, across] = stridesOf(w.layout, 4);
  const acc = Array.from({ length: pixels }, () => k.variable(zero(ctx), "acc"));
  const row = (ky: Local) => {
    const column = (kx: Local | null, taps: readonly number[]) => {
      const elements = new Map<number, Expr>();
      // Neighbouring pixels share elements.
      const element = (shift: number): Expr => {
        let value = elements.get(shift);
        if (!value) {
          const index = addAffine(inputAt(columns, at.x, kx), affine(shift));
          value = vector(ctx, x, [affine(0, [at.n, 1]), affine(0, [at.c, 1]), inputAt(rows, at.y, ky), index]);
          elements.set(shift, value);
        }
        return value;
      };
      for (const j of taps) {
        const weightColumn = addAffine(weightOf(columns, kx), affine(columns.weight.step * j));
        const wAt = addAffine(addAffine(affine(0, [at.c, 1]), weightOf(rows, ky), down), weightColumn, across);
        const weight = k.let(load(ctx, w, wAt), "w");
        acc.forEach((sum, p) => {
          const value = element(columns.input.step * p + columns.input.tap * j);
          k.set(sum, e.add(e.local(sum), e.mul(value, weight)));
        });
      }
    };
    const { count } = columns.weight;
    const loaded = new Set(
      range(pixels).flatMap((p) => range(count).map((j) => columns.input.step * p + columns.input.tap * j)),
    );
    if (pixels + count + loaded.size <= REGISTERS) column(null, range(count));
    else k.for("kx", 0, count, 1, (kx) => column(kx, [0]));
  };
  tapsInside(k, rows, at.y, row, true);
  acc.forEach((sum, p) => {
    const index = [affine(0, [at.n, 1]), affine(0, [at.c, 1]), outputAt(rows, at.y), outputAt(columns, at.x, p)];
    finish(ctx, index, ctx.target.lanes > 1 ? at.c : null, new Map([[anchor, e.local(sum)]]), lanes);
  });
}

const range = (length: number): number[] => Array.from({ length }, (_, i) => i);

const zero = (ctx: GroupContext): Expr => ({ k: "const", ty: ctx.target.lanes > 1 ? "f32x4" : "f32", value: 0 });

function load(ctx: GroupContext, { buffer }: { readonly buffer: Buffer }, at: Affine): Expr & { k: "load" } {
  return { k: "load", ty: ctx.target.lanes > 1 ? "f32x4" : "f32", buffer, at, stride: 1 };
}

/** Four channels of a feature map. */
function vector(ctx: GroupContext, place: Place, index: readonly Affine[]): Expr {
  const stride = stridesOf(place.layout, 4)[1];
  return ctx.k.let({ ...load(ctx, place, addressOf(place.layout, index)), stride }, "x");
}

/** Kernel columns whose sums are kept in registers at once; and up to this many of them, for two pixels at a time. */
const COLUMNS = 5;
const PAIRED = 3;

/**
 * dW[c, ky, kx] = Σ_{n,y,x} dy[n, c, y, x] · x[n, c, …], written as [ky][kx][c]. Each sample's sum is kept, row by row in
 * registers; then the sums of all samples are added in order, so that threads may share out the samples.
 */
export function depthwiseWeight(ctx: GroupContext): void {
  const { k } = ctx;
  const anchor = ctx.group.anchor!;
  const [channels, , kernelRows, kernelColumns] = anchor.type.shape as number[];
  const samples = anchor.inputs[0].type.shape[0];
  const elements = channels * kernelRows * kernelColumns;
  const parts = ctx.common(elements * sizeOf([samples], ctx.batch));
  const [window] = windowsOf(anchor);
  const [rows] = window;
  const row = (at: Omit<Position, "c" | "x"> & { readonly ky: Local }) =>
    eachVector(ctx, channels, (c, lanes) => {
      for (let first = 0; first < kernelColumns; first += COLUMNS) {
        const taps = range(Math.min(COLUMNS, kernelColumns - first)).map((j) => first + j);
        const partAt = (j: number) => affine(j * channels, [at.n, elements], [at.ky, kernelColumns * channels], [c, 1]);
        addRow(ctx, window, { ...at, c }, taps, { buffer: parts, at: partAt, lanes });
      }
    });
  const sample = (n: Local) => {
    k.add({ k: "zero", buffer: parts, at: affine(0, [n, elements]), count: k.e.const(elements, "i32") });
    k.for("y", 0, rows.out.count, 1, (y) => tapsInside(k, rows, y, (ky) => row({ n, y, ky })));
  };
  k.for("n", 0, k.dim(samples), 1, sample, "first");
  k.add({ k: "barrier" });
  addParts(ctx, parts, elements);
}

interface Sums {
  readonly buffer: Buffer;
  readonly at: (tap: number) => Affine;
  readonly lanes: number;
}

/** Adds a row of pixels to the sums of some kernel columns. */
function addRow(
  ctx: GroupContext,
  [rows, columns]: Window,
  at: Omit<Position, "x"> & { readonly ky: Local },
  taps: readonly number[],
  into: Sums,
): void {
  const { k } = ctx;
  const { e } = k;
  const [x, dy] = ctx.group.anchor!.inputs.map((value) => operand(ctx, value));
  const pixelAt = (row: Affine, column: Affine) => [affine(0, [at.n, 1]), affine(0, [at.c, 1]), row, column];
  const add = (from: number, to: number, pixels: number) => {
    if (from === to) return;
    const sums = range(pixels).map((p) =>
      taps.map((j) => k.variable(p === 0 ? load(ctx, into, into.at(j)) : zero(ctx), "acc")),
    );
    k.for("x", from, to, pixels, (column) => {
      const elements = new Map<number, Expr>();
      for (const p of range(pixels)) {
        const gradient = vector(ctx, dy, pixelAt(affine(0, [at.y, 1]), affine(p, [column, 1])));
        taps.forEach((j, i) => {
          const shift = columns.input.step * p + columns.input.tap * j;
          const place = addAffine(inputAt(columns, column, null), affine(shift));
          const value = elements.get(shift) ?? vector(ctx, x, pixelAt(inputAt(rows, at.y, at.ky), place));
          elements.set(shift, value);
          k.set(sums[p][i], e.add(e.local(sums[p][i]), e.mul(gradient, value)));
        });
      }
    });
    taps.forEach((j, i) => {
      const value = sums.map((own) => e.local(own[i])).reduce((a, b) => e.add(a, b));
      k.add({ k: "store", buffer: into.buffer, at: into.at(j), value, stride: 1, count: into.lanes });
    });
  };
  const pixels = taps.length <= PAIRED ? 2 : 1;
  const whole = columns.out.count - (columns.out.count % pixels);
  add(0, whole, pixels);
  add(whole, columns.out.count, 1);
}

/** The samples' sums, added in order. */
function addParts(ctx: GroupContext, parts: Buffer, elements: number): void {
  const { k } = ctx;
  const { buffer } = ctx.place(ctx.group.outputs[0]);
  const samples = ctx.group.anchor!.inputs[0].type.shape[0];
  const whole = elements - (elements % ctx.target.lanes);
  const add = (from: number, to: number, step: number, lanes: number) => {
    if (from === to) return;
    const total = (i: Local) => {
      const sum = k.variable(ctx.addsUp ? sumSoFar(ctx, load(ctx, { buffer }, affine(0, [i, 1]))) : zero(ctx), "sum");
      k.for("n", 0, k.dim(samples), 1, (n) => {
        const part = load(ctx, { buffer: parts }, affine(0, [n, elements], [i, 1]));
        k.set(sum, k.e.add(k.e.local(sum), part));
      });
      k.add({ k: "store", buffer, at: affine(0, [i, 1]), value: k.e.local(sum), stride: 1, count: lanes });
    };
    k.for("i", from, to, step, total, from === 0 ? "first" : "last");
  };
  add(0, whole, ctx.target.lanes, ctx.target.lanes);
  add(whole, elements, ctx.target.lanes, elements - whole);
}
