/**
 * Gradient of a convolution with respect to its weights, dW[o, c, ky, kx] = Σ_{n,y,x} dy[n, o, y, x] · x[n, c, y+ky, x+kx],
 * written as [ky][kx][c][o]. Register tiles of 4 neighbouring (kx, c) by 2 vectors of output channels run over the pixels of
 * one image and are then added to memory, image by image: a fixed order of summation. Pixels whose window element lies
 * outside the image are skipped.
 */
import type { Affine, Expr, Local } from "../../ir/loops.ts";
import { bestBalanced } from "../balance.ts";
import { type GroupContext, operand, zeroAll } from "../group-context.ts";
import { addAffine, affine } from "../kernel-builder.ts";
import { addressOf } from "../scope.ts";

const ROWS = 4;

export function convWeight(ctx: GroupContext): void {
  const { k, target } = ctx;
  const anchor = ctx.group.anchor!;
  const [allOutputs, channels, kernelRows, kernelColumns] = anchor.type.shape as number[];
  const groups = anchor.attrs.groups as number;
  const outputs = allOutputs / groups;
  const width = 2 * target.lanes;
  const whole = outputs - (outputs % width);
  const dilation = (anchor.attrs.dilation as number[])[1];
  zeroAll(ctx, ctx.group.outputs[0]);

  // Tiles run on into the next kernel column where there are few channels, over whole rows with their zero padding.
  const joined = channels % ROWS !== 0 && dilation === 1 && groups === 1;
  // Each thread has tiles of its own, for all images: of groups, of panels of output channels, or of rows (kx, c).
  const rows = joined ? kernelColumns * channels : channels;
  const level = bestBalanced([groups, outputs / width, rows / ROWS]);
  const [byGroup, byPanel] = [level === 0, level === 1];
  const byRow = !byGroup && !byPanel;
  const panels = (at: Omit<Position, "c" | "o">, length: number) => {
    const panel = (from: number, to: number) => {
      if (from === to) return;
      const body = (o: Local) => tiles({ ...at, o }, length, Math.min(width, to - from));
      k.for("o", from, to, width, body, byPanel && (from === 0 ? "first" : "last"));
    };
    panel(0, whole);
    panel(whole, outputs);
  };
  const tiles = (at: Omit<Position, "c">, length: number, outputs: number) => {
    const main = length - (length % ROWS);
    if (main > 0) k.for("c", 0, main, ROWS, (c) => tile(ctx, { ...at, c }, ROWS, outputs), byRow && "first");
    const rest = length - main;
    if (rest > 0) k.for("c", main, length, rest, (c) => tile(ctx, { ...at, c }, rest, outputs), byRow && "last");
  };
  const windowRow = (at: Pick<Position, "n" | "g">) => (ky: Local) => {
    if (joined) panels({ ...at, ky, kx: null }, rows);
    else k.for("kx", 0, kernelColumns, 1, (kx) => panels({ ...at, ky, kx }, rows));
  };
  k.for("n", 0, k.dim(anchor.inputs[0].type.shape[0]), 1, (n) =>
    k.for("g", 0, groups, 1, (g) => k.for("ky", 0, kernelRows, 1, windowRow({ n, g })), byGroup && "first"),
  );
}

interface Position {
  readonly n: Local;
  readonly g: Local;
  readonly ky: Local;
  /** Null where `c` counts on through the kernel columns. */
  readonly kx: Local | null;
  /** Within the group, as the output channel is. */
  readonly c: Local;
  readonly o: Local;
}

function tile(ctx: GroupContext, at: Position, rows: number, outputs: number): void {
  const { k, target } = ctx;
  const { e } = k;
  const anchor = ctx.group.anchor!;
  const [xValue, dyValue] = anchor.inputs;
  const x = operand(ctx, xValue);
  const dy = operand(ctx, dyValue);
  const { buffer, layout } = ctx.place(ctx.group.outputs[0]);
  const [stride, padding, dilation] = [anchor.attrs.stride, anchor.attrs.padding, anchor.attrs.dilation] as number[][];
  const [height, width] = xValue.type.shape.slice(2) as number[];
  const [outRows, outColumns] = dyValue.type.shape.slice(2) as number[];
  const groups = anchor.attrs.groups as number;
  const groupOutputs = (anchor.type.shape[0] as number) / groups;
  const groupChannels = anchor.type.shape[1] as number;
  const vectors = Math.ceil(outputs / target.lanes);
  const ty = target.lanes > 1 ? "f32x4" : "f32";
  const strides = new Map(layout.dims.map((d) => [d.axis, d.stride]));

  const address = (r: number, v: number): Affine => {
    const tail: [Local, number][] = at.kx ? [[at.kx, strides.get(3)!]] : [];
    return affine(
      r * strides.get(1)! + v * target.lanes,
      [at.ky, strides.get(2)!],
      ...tail,
      [at.c, strides.get(1)!],
      [at.o, 1],
      [at.g, groupOutputs],
    );
  };
  const acc = Array.from({ length: rows }, (_, r) =>
    Array.from({ length: vectors }, (_, v) =>
      k.variable({ k: "load", ty, buffer, at: address(r, v), stride: 1 }, "acc"),
    ),
  );
  const [yFrom, yTo] = inside(ctx, at.ky, stride[0], dilation[0], padding[0], height, outRows);
  const [xFrom, xTo] = at.kx
    ? inside(ctx, at.kx, stride[1], dilation[1], padding[1], width, outColumns)
    : [0, outColumns];
  k.for("y", yFrom, yTo, 1, (y) =>
    k.for("x", xFrom, xTo, 1, (column) => {
      const channel = affine(0, [at.o, 1], [at.g, groupOutputs]);
      const pixel = [affine(0, [at.n, 1]), channel, affine(0, [y, 1]), affine(0, [column, 1])];
      const dyAt = addressOf(dy.layout, pixel);
      const gradients = Array.from({ length: vectors }, (_, v) =>
        k.let({ k: "load", ty, buffer: dy.buffer, at: addAffine(dyAt, affine(v * target.lanes)), stride: 1 }, "dy"),
      );
      const kx = at.kx ? affine(0, [at.kx, dilation[1]]) : affine();
      const xAt = addressOf(x.layout, [
        affine(0, [at.n, 1]),
        affine(0, [at.c, 1], [at.g, groupChannels]),
        affine(-padding[0], [y, stride[0]], [at.ky, dilation[0]]),
        addAffine(affine(-padding[1], [column, stride[1]]), kx),
      ]);
      for (let r = 0; r < rows; r++) {
        const value = k.let({ k: "load", ty, buffer: x.buffer, at: addAffine(xAt, affine(r)), stride: 0 }, "x");
        for (let v = 0; v < vectors; v++) k.set(acc[r][v], e.add(e.local(acc[r][v]), e.mul(value, gradients[v])));
      }
    }),
  );
  for (let r = 0; r < rows; r++) {
    for (let v = 0; v < vectors; v++) {
      const partial = Math.min(target.lanes, outputs - v * target.lanes);
      k.add({ k: "store", buffer, at: address(r, v), value: e.local(acc[r][v]), stride: 1, count: partial });
    }
  }
}

/** The output positions whose window element `kernel` lies inside: 0 <= position·stride + kernel·dilation − padding < size. */
function inside(
  ctx: GroupContext,
  kernel: Local,
  stride: number,
  dilation: number,
  padding: number,
  size: number,
  outputs: number,
): [Expr | number, Expr | number] {
  const { k } = ctx;
  const { e } = k;
  const floor = (a: Expr) => (stride === 1 ? a : e.div(a, e.const(stride, "i32")));
  const first = floor(k.index(affine(padding + stride - 1, [kernel, -dilation])));
  const end = floor(k.index(affine(size + padding + stride - 1, [kernel, -dilation])));
  return [
    k.let(e.binary("max", first, e.const(0, "i32")), "from"),
    k.let(e.binary("min", end, e.const(outputs, "i32")), "to"),
  ];
}
