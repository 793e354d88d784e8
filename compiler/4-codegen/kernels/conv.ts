/**
 * Direct convolution of channels-innermost feature maps, in register tiles of 4 pixels of a row by 2 vectors of output
 * channels. A window's row is contiguous in memory (kernel columns × channels), so the innermost loop is a plain dot product:
 * 4 broadcast loads of x, 2 vector loads of packed weights, 8 multiplications and 8 additions. Columns beyond the image are
 * stored zeros (layout nhwc:p); rows beyond it are skipped.
 */
import { sizeOf } from "../../ir/graph.ts";
import type { Affine, Expr, Local } from "../../ir/loops.ts";
import { bestBalanced } from "../balance.ts";
import { finish, type GroupContext, operand, zeroPadding } from "../group-context.ts";
import { addAffine, affine } from "../kernel-builder.ts";
import { addressOf, type Place } from "../scope.ts";

const PIXELS = 4;

/** Terms beyond which each row of the window is summed on its own: rounding errors of one long sum grow with its length. */
const LONG_SUM = 64;

interface Window {
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  /** Of the kernel, of the input and of the output: height, width. */
  readonly kernel: readonly number[];
  readonly input: readonly number[];
  readonly output: readonly number[];
}

export function conv2d(ctx: GroupContext): void {
  const { k, target } = ctx;
  const anchor = ctx.group.anchor!;
  const [x, w] = anchor.inputs;
  const window: Window = {
    stride: anchor.attrs.stride as number[],
    padding: anchor.attrs.padding as number[],
    dilation: anchor.attrs.dilation as number[],
    kernel: w.type.shape.slice(2) as number[],
    input: x.type.shape.slice(2) as number[],
    output: anchor.type.shape.slice(2) as number[],
  };
  const channels = anchor.type.shape[1] as number;
  const width = 2 * target.lanes;
  const whole = channels - (channels % width);
  const columns = window.output[1] - (window.output[1] % PIXELS);
  for (const output of ctx.group.outputs) zeroPadding(ctx, output);

  // Threads share out samples; where a batch has few, rows.
  const bySample = bestBalanced([sizeOf([x.type.shape[0]], ctx.batch), window.output[0]]) === 0;
  const sample = (n: Local) => {
    const panels = (from: number, to: number) => {
      if (from === to) return;
      k.for("o", from, to, width, (o) => {
        const line = (y: Local) => {
          const row = (from0: number, to0: number, pixels: number) => {
            if (from0 === to0) return;
            k.for("x", from0, to0, pixels, (column) =>
              tile(ctx, window, { n, o, y, column }, pixels, Math.min(width, to - from)),
            );
          };
          row(0, columns, PIXELS);
          row(columns, window.output[1], window.output[1] - columns);
        };
        k.for("y", 0, window.output[0], 1, line, !bySample && "first");
      });
    };
    panels(0, whole);
    panels(whole, channels);
  };
  k.for("n", 0, k.dim(x.type.shape[0]), 1, sample, bySample && "first");
}

interface Position {
  readonly n: Local;
  readonly o: Local;
  readonly y: Local;
  readonly column: Local;
}

function tile(ctx: GroupContext, window: Window, at: Position, pixels: number, channels: number): void {
  const { k, target } = ctx;
  const anchor = ctx.group.anchor!;
  const vectors = Math.ceil(channels / target.lanes);
  const ty = target.lanes > 1 ? "f32x4" : "f32";
  const zeros = (name: string) =>
    Array.from({ length: pixels }, () =>
      Array.from({ length: vectors }, () => k.variable({ k: "const", ty, value: 0 }, name)),
    );
  const acc = zeros("acc");
  const add = (p: number, v: number, value: Expr) => k.set(acc[p][v], k.e.add(k.e.local(acc[p][v]), value));
  const [, inner, rows, columns] = anchor.inputs[1].type.shape as number[];
  const blocked = rows > 1 && inner * rows * columns > LONG_SUM;
  windowRows(ctx, window, at.y, (ky) => {
    const row = blocked ? zeros("part") : acc;
    windowRow(ctx, window, at, ky, (xAt, wAt, x, w) => {
      const weights = Array.from({ length: vectors }, (_, v) =>
        k.let({ k: "load", ty, buffer: w.buffer, at: addAffine(wAt, affine(v * target.lanes)), stride: 1 }, "w"),
      );
      for (let p = 0; p < pixels; p++) {
        const pixel = k.let({ k: "load", ty, buffer: x.buffer, at: xAt(p), stride: 0 }, "x");
        for (let v = 0; v < vectors; v++) k.set(row[p][v], k.e.add(k.e.local(row[p][v]), k.e.mul(pixel, weights[v])));
      }
    });
    if (blocked) row.forEach((sums, p) => sums.forEach((sum, v) => add(p, v, k.e.local(sum))));
  });
  for (let p = 0; p < pixels; p++) {
    for (let v = 0; v < vectors; v++) {
      const index = [
        affine(0, [at.n, 1]),
        affine(v * target.lanes, [at.o, 1]),
        affine(0, [at.y, 1]),
        affine(p, [at.column, 1]),
      ];
      const lane = target.lanes > 1 ? at.o : null;
      finish(
        ctx,
        index,
        lane,
        new Map([[anchor, k.e.local(acc[p][v])]]),
        Math.min(target.lanes, channels - v * target.lanes),
      );
    }
  }
}

/** The loops over a row of the window: `body` gets the addresses of pixel p's element and of the panel's weights. */
function windowRow(
  ctx: GroupContext,
  window: Window,
  at: Position,
  ky: Local,
  body: (xAt: (pixel: number) => Affine, wAt: Affine, x: Place, w: Place) => void,
): void {
  const { k } = ctx;
  const [xValue, wValue] = ctx.group.anchor!.inputs;
  const x = operand(ctx, xValue);
  const w = operand(ctx, wValue);
  const channels = xValue.type.shape[1] as number;
  const [blocks, rows, columns, inner] = w.layout.dims;
  const [top, left] = window.padding;
  const panel = affine(0, [at.o, blocks.stride / blocks.step]);

  const inRow = (kx: Affine, c: Affine) => {
    const xAt = (p: number) =>
      addressOf(x.layout, [
        affine(0, [at.n, 1]),
        c,
        affine(-top, [at.y, window.stride[0]], [ky, window.dilation[0]]),
        addAffine(affine(p * window.stride[1] - left, [at.column, window.stride[1]]), kx, window.dilation[1]),
      ]);
    const wAt = addAffine(
      addAffine(addAffine(panel, affine(0, [ky, rows.stride])), kx, columns.stride),
      c,
      inner.stride,
    );
    body(xAt, wAt, x, w);
  };
  if (window.dilation[1] === 1) {
    // Kernel columns follow one another as channels do: one loop over both.
    k.for("k", 0, window.kernel[1] * channels, 1, (kk) => inRow(affine(), affine(0, [kk, 1])));
  } else {
    k.for("kx", 0, window.kernel[1], 1, (kx) =>
      k.for("c", 0, channels, 1, (c) => inRow(affine(0, [kx, 1]), affine(0, [c, 1]))),
    );
  }
}

/** The kernel rows that meet the image, for the output row y. */
function windowRows(ctx: GroupContext, window: Window, y: Local, body: (ky: Local) => void): void {
  const { k } = ctx;
  const { e } = k;
  const [stride, dilation, top, height, kernel] = [
    window.stride[0],
    window.dilation[0],
    window.padding[0],
    window.input[0],
    window.kernel[0],
  ];
  const last = (window.output[0] - 1) * stride - top + (kernel - 1) * dilation;
  if (top <= 0 && last < height) return k.for("ky", 0, kernel, 1, body);
  // 0 <= y·stride + ky·dilation − top < height
  const floor = (x: Expr) => (dilation === 1 ? x : e.div(x, e.const(dilation, "i32")));
  const first = floor(k.index(affine(top + dilation - 1, [y, -stride])));
  const end = floor(k.index(affine(height + top + dilation - 1, [y, -stride])));
  const from = k.let(e.binary("max", first, e.const(0, "i32")), "from");
  const to = k.let(e.binary("min", end, e.const(kernel, "i32")), "to");
  k.for("ky", from, to, 1, body);
}
