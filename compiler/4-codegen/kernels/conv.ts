/**
 * Direct convolution of channels-innermost feature maps, and its gradient with respect to the input, in register tiles of 4
 * pixels of a row by 2 vectors of output channels: for each tap and input channel 4 broadcast loads of x, 2 vector loads of
 * weights, 8 multiplications and 8 additions. Where a window's row is contiguous in memory (kernel columns × channels), the
 * innermost loop is one plain dot product. Columns beyond the image are stored zeros (layout nhwc:p); rows beyond it are skipped.
 */
import { type Taps, type Window, windowsOf } from "../../3-passes/taps.ts";
import { sizeOf } from "../../ir/graph.ts";
import type { Affine, Expr, Local } from "../../ir/loops.ts";
import { bestBalanced } from "../balance.ts";
import { finish, type GroupContext, operand, zeroPadding } from "../group-context.ts";
import { addAffine, affine, type KernelBuilder } from "../kernel-builder.ts";
import { addressOf, type Place } from "../scope.ts";

const PIXELS = 4;

/** Terms beyond which each row of the window is summed on its own: rounding errors of one long sum grow with its length. */
const LONG_SUM = 64;

/** Channels of a group that are summed over, and that are results. */
interface Channels {
  readonly groups: number;
  readonly inner: number;
  readonly outer: number;
}

export function conv2d(ctx: GroupContext): void {
  const { k, target } = ctx;
  const anchor = ctx.group.anchor!;
  const channels = channelsOf(ctx);
  const windows = windowsOf(anchor);
  const width = 2 * target.lanes;
  const whole = channels.outer - (channels.outer % width);
  for (const output of ctx.group.outputs) zeroPadding(ctx, output);

  // Threads share out samples; where a batch has few, rows.
  const samples = anchor.type.shape[0];
  const bySample = bestBalanced([sizeOf([samples], ctx.batch), windows[0][0].out.count]) === 0;
  const panels = (n: Local, g: Local, window: Window, from: number, to: number) => {
    if (from === to) return;
    const [rows, { out }] = window;
    const main = out.count - (out.count % PIXELS);
    k.for("o", from, to, width, (o) => {
      const line = (y: Local) => {
        const row = (first: number, end: number, pixels: number) => {
          if (first === end) return;
          k.for("x", first, end, pixels, (column) =>
            tile(ctx, channels, window, { n, g, o, y, column }, pixels, Math.min(width, to - from)),
          );
        };
        row(0, main, PIXELS);
        row(main, out.count, out.count - main);
      };
      k.for("y", 0, rows.out.count, 1, line, !bySample && "first");
    });
  };
  const sample = (n: Local) => {
    for (const window of windows) {
      k.for("g", 0, channels.groups, 1, (g) => {
        panels(n, g, window, 0, whole);
        panels(n, g, window, whole, channels.outer);
      });
    }
  };
  k.for("n", 0, k.dim(samples), 1, sample, bySample && "first");
}

function channelsOf(ctx: GroupContext): Channels {
  const anchor = ctx.group.anchor!;
  const groups = anchor.attrs.groups as number;
  const of = (shape: readonly unknown[]) => (shape[1] as number) / groups;
  return { groups, inner: of(anchor.inputs[0].type.shape), outer: of(anchor.type.shape) };
}

interface Position {
  readonly n: Local;
  readonly g: Local;
  /** Within the group. */
  readonly o: Local;
  readonly y: Local;
  readonly column: Local;
}

function tile(
  ctx: GroupContext,
  channels: Channels,
  window: Window,
  at: Position,
  pixels: number,
  outputs: number,
): void {
  const { k, target } = ctx;
  const anchor = ctx.group.anchor!;
  const size: TileSize = { pixels, vectors: Math.ceil(outputs / target.lanes) };
  const acc = zeros(ctx, size, "acc");
  const [down, across] = window.map(({ weight }) => weight.count);
  const blocked = down > 1 && channels.inner * down * across > LONG_SUM;
  tapsInside(k, window[0], at.y, (ky) => {
    const row = windowRow(ctx, channels, window, { ...at, ky }, size, blocked ? null : acc);
    if (blocked) acc.forEach((sums, p) => sums.forEach((sum, v) => addTo(k, sum, k.e.local(row[p][v]))));
  });
  const lane = target.lanes > 1 ? at.o : null;
  acc.forEach((sums, p) =>
    sums.forEach((sum, v) => {
      const index = [
        affine(0, [at.n, 1]),
        affine(v * target.lanes, [at.o, 1], [at.g, channels.outer]),
        outputAt(window[0], at.y),
        outputAt(window[1], at.column, p),
      ];
      const count = Math.min(target.lanes, outputs - v * target.lanes);
      finish(ctx, index, lane, new Map([[anchor, k.e.local(sum)]]), count);
    }),
  );
}

interface TileSize {
  readonly pixels: number;
  readonly vectors: number;
}

const typeOf = ({ target }: GroupContext) => (target.lanes > 1 ? "f32x4" : "f32");

function zeros(ctx: GroupContext, { pixels, vectors }: TileSize, name: string): Local[][] {
  const zero = () => ctx.k.variable({ k: "const", ty: typeOf(ctx), value: 0 }, name);
  return Array.from({ length: pixels }, () => Array.from({ length: vectors }, zero));
}

const addTo = (k: KernelBuilder, sum: Local, value: Expr) => k.set(sum, k.e.add(k.e.local(sum), value));

/** A row of the window, added `onto` sums or, without them, summed up on its own. */
function windowRow(
  ctx: GroupContext,
  channels: Channels,
  [rows, columns]: Window,
  at: Position & { readonly ky: Local },
  { pixels, vectors }: TileSize,
  onto: Local[][] | null,
): Local[][] {
  const { k, target } = ctx;
  const ty = typeOf(ctx);
  const [xValue, wValue] = ctx.group.anchor!.inputs;
  const [x, w] = [operand(ctx, xValue), operand(ctx, wValue)];
  const weightAt = weightAddress(ctx, channels, w, at);
  const term = (kx: Local | null, c: Affine, use: (product: Expr, p: number, v: number) => void) => {
    const wAt = weightAt(weightOf(rows, at.ky), weightOf(columns, kx), c);
    const weights = Array.from({ length: vectors }, (_, v) =>
      k.let({ k: "load", ty, buffer: w.buffer, at: addAffine(wAt, affine(v * target.lanes)), stride: 1 }, "w"),
    );
    const channel = addAffine(c, affine(0, [at.g, channels.inner]));
    for (let p = 0; p < pixels; p++) {
      const pixel = [affine(0, [at.n, 1]), channel, inputAt(rows, at.y, at.ky), inputAt(columns, at.column, kx, p)];
      const value = k.let({ k: "load", ty, buffer: x.buffer, at: addressOf(x.layout, pixel), stride: 0 }, "x");
      for (let v = 0; v < vectors; v++) use(k.e.mul(value, weights[v]), p, v);
    }
  };
  const add = (sums: Local[][], kx: Local | null, c: Local) =>
    term(kx, affine(0, [c, 1]), (product, p, v) => addTo(k, sums[p][v], product));

  if (columns.input.tap !== 1 || columns.weight.step !== 1 || channels.groups !== 1) {
    const sums = onto ?? zeros(ctx, { pixels, vectors }, "part");
    k.for("kx", 0, columns.weight.count, 1, (kx) => k.for("c", 0, channels.inner, 1, (c) => add(sums, kx, c)));
    return sums;
  }
  // Kernel columns follow one another as channels do: one loop over both.
  const sums = onto ?? Array.from({ length: pixels }, (): Local[] => []);
  if (!onto)
    term(null, affine(), (product, p, v) => {
      sums[p][v] = k.variable(product, "part");
    });
  k.for("k", onto ? 0 : 1, columns.weight.count * channels.inner, 1, (kk) => add(sums, null, kk));
  return sums;
}

/** Of the first output's weight: from panels, or (with groups) from rows with the outputs innermost. */
function weightAddress(ctx: GroupContext, { outer, inner, groups }: Channels, { layout }: Place, at: Position) {
  const { dims } = layout;
  const gradient = ctx.group.anchor!.op === "conv2d_grad_input";
  if (groups === 1) {
    const [blocks, rows, columns, sum] = dims;
    return (ky: Affine, kx: Affine, c: Affine): Affine =>
      linear(
        [ky, rows.stride],
        [kx, columns.stride],
        [c, sum.stride],
        [affine(0, [at.o, blocks.stride / blocks.step]), 1],
      );
  }
  const [rows, columns, sum] = dims;
  // conv2d has [ky][kx][inner][outputs of all groups], its gradient [ky][kx][summed channels of all groups][outer].
  const group = gradient ? inner * sum.stride : outer;
  return (ky: Affine, kx: Affine, c: Affine): Affine =>
    linear([ky, rows.stride], [kx, columns.stride], [c, sum.stride], [affine(0, [at.o, 1], [at.g, group]), 1]);
}

const linear = (...terms: readonly (readonly [a: Affine, by: number])[]): Affine =>
  terms.reduce((sum, [a, by]) => addAffine(sum, a, by), affine());

/** Where output t + p lies. */
export const outputAt = ({ out }: Taps, t: Local, p = 0): Affine => affine(out.start + out.step * p, [t, out.step]);

/** The element that tap j of output t + p reads; without j, tap 0. */
export const inputAt = ({ input }: Taps, t: Local, j: Local | null, p = 0): Affine =>
  addAffine(affine(input.base + input.step * p, [t, input.step]), j ? affine(0, [j, input.tap]) : affine());

export const weightOf = ({ weight }: Taps, j: Local | null): Affine =>
  j ? affine(weight.first, [j, weight.step]) : affine(weight.first);

/**
 * The taps of output t whose element is there. With `split`, outputs all of whose taps are there have a loop of their own, of
 * constant length: for bodies so short that the bounds would cost more.
 */
export function tapsInside(
  k: KernelBuilder,
  { out, input, weight }: Taps,
  t: Local,
  body: (j: Local) => void,
  split = false,
): void {
  if (weight.count === 0) return;
  const { e } = k;
  const span = input.tap * (weight.count - 1);
  const all = () => k.for("ky", 0, weight.count, 1, body);
  if (input.base >= 0 && input.base + input.step * (out.count - 1) + span < input.size) return all();
  // 0 <= base + step·t + tap·j < size
  const some = () => {
    const floor = (x: Expr) => (input.tap === 1 ? x : e.div(x, e.const(input.tap, "i32")));
    const first = floor(k.index(affine(input.tap - 1 - input.base, [t, -input.step])));
    const end = floor(k.index(affine(input.tap - 1 + input.size - input.base, [t, -input.step])));
    const from = k.let(e.binary("max", first, e.const(0, "i32")), "from");
    const to = k.let(e.binary("min", end, e.const(weight.count, "i32")), "to");
    k.for("ky", from, to, 1, body);
  };
  if (!split) return some();
  const start = k.let(k.index(affine(input.base, [t, input.step])), "start");
  const inside = e.compare("lt", start, e.const(input.size - span, "i32"));
  k.if(e.binary("and", e.compare("ge", start, e.const(0, "i32")), inside), all, some);
}
