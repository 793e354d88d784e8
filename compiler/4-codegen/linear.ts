/**
 * Straight-line code for y = L x with a constant matrix, fewer operations than entries: rows (or columns) of equal magnitudes,
 * as the points p and −p of Winograd's transforms give, share their even and odd parts.
 */
import type { Expr } from "../ir/loops.ts";
import type { KernelBuilder } from "./kernel-builder.ts";

type Matrix = readonly (readonly number[])[];
type Term = readonly [coefficient: number, value: Expr];

export function applyLinear(k: KernelBuilder, matrix: Matrix, x: readonly Expr[]): Expr[] {
  const rows = pairs(matrix);
  const columns = pairs(matrix[0].map((_, j) => matrix.map((row) => row[j])));
  return rows.length >= columns.length ? byRows(k, matrix, rows, x) : byColumns(k, matrix, columns, x);
}

/** Rows that are equal but for signs, and neither equal nor opposite as a whole. */
function pairs(matrix: Matrix): [number, number][] {
  const found: [number, number][] = [];
  const taken = new Set<number>();
  for (let i = 0; i < matrix.length; i++) {
    for (let j = i + 1; j < matrix.length && !taken.has(i); j++) {
      if (taken.has(j) || matrix[i].some((a, c) => Math.abs(a) !== Math.abs(matrix[j][c]))) continue;
      const nonzero = matrix[i].map((a, c) => [a, matrix[j][c]]).filter(([a]) => a !== 0);
      const equal = nonzero.filter(([a, b]) => a === b).length;
      if (equal === 0 || equal === nonzero.length) continue;
      found.push([i, j]);
      taken.add(i).add(j);
    }
  }
  return found;
}

/** yᵢ = e + o and yⱼ = e − o, with e over the columns where the rows agree and o over those where they differ in sign. */
function byRows(k: KernelBuilder, matrix: Matrix, rows: readonly [number, number][], x: readonly Expr[]): Expr[] {
  const y = new Array<Expr>(matrix.length);
  for (const [i, j] of rows) {
    const agree = (c: number) => matrix[i][c] === matrix[j][c];
    const terms = matrix[i].map((a, c): [Term, boolean] => [[a, x[c]], agree(c)]);
    const even = k.let(
      sum(
        k,
        terms.filter(([, same]) => same).map(([t]) => t),
      ),
    );
    const odd = k.let(
      sum(
        k,
        terms.filter(([, same]) => !same).map(([t]) => t),
      ),
    );
    y[i] = k.e.add(even, odd);
    y[j] = k.e.sub(even, odd);
  }
  return matrix.map((row, i) =>
    k.let(
      y[i] ??
        sum(
          k,
          row.map((a, c) => [a, x[c]]),
        ),
    ),
  );
}

/** Columns c and d enter every row as xᶜ + xᵈ or as xᶜ − xᵈ. */
function byColumns(k: KernelBuilder, matrix: Matrix, columns: readonly [number, number][], x: readonly Expr[]): Expr[] {
  const paired = new Set(columns.flat());
  const sums = columns.map(([c, d]) => ({ c, d, plus: k.let(k.e.add(x[c], x[d])), minus: k.let(k.e.sub(x[c], x[d])) }));
  return matrix.map((row) => {
    const shared = sums.map(({ c, d, plus, minus }): Term => [row[c], row[c] === row[d] ? plus : minus]);
    const own = row.flatMap((a, c): Term[] => (paired.has(c) ? [] : [[a, x[c]]]));
    return k.let(sum(k, [...shared, ...own]));
  });
}

/** Σ coefficient · value, a positive term first. */
function sum(k: KernelBuilder, all: readonly Term[]): Expr {
  const { e } = k;
  const terms = all.filter(([a]) => a !== 0).sort(([a], [b]) => Number(b > 0) - Number(a > 0));
  const scaled = ([a, value]: Term) => (Math.abs(a) === 1 ? value : e.mul(value, e.const(Math.abs(a))));
  const [first, ...rest] = terms;
  if (!first) return { k: "const", ty: all[0][1].ty, value: 0 };
  const start = first[0] > 0 ? scaled(first) : e.unary("neg", scaled(first));
  return rest.reduce((total, term) => (term[0] > 0 ? e.add(total, scaled(term)) : e.sub(total, scaled(term))), start);
}
