/**
 * Straight-line code for y = L x with a constant matrix, fewer operations than entries: rows (or columns) of equal magnitudes,
 * as the points p and −p of Winograd's transforms give, share their even and odd parts, and parts whose coefficients add up to
 * zero share differences.
 */
import type { Expr } from "../ir/loops.ts";
import type { KernelBuilder } from "./kernel-builder.ts";

type Matrix = readonly (readonly number[])[];
type Term = readonly [coefficient: number, value: Expr];

export function applyLinear(k: KernelBuilder, matrix: Matrix, x: readonly Expr[]): Expr[] {
  const rows = pairs(matrix);
  const columns = pairs(transposed(matrix));
  return rows.length >= columns.length ? byRows(k, matrix, rows, x) : byColumns(k, matrix, columns, x);
}

const transposed = (matrix: Matrix): Matrix => matrix[0].map((_, j) => matrix.map((row) => row[j]));

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
  const paired = new Set(rows.flat());
  const halves = rows.flatMap(([i, j]) => {
    const agree = (c: number) => matrix[i][c] === matrix[j][c];
    return [matrix[i].map((a, c) => (agree(c) ? a : 0)), matrix[i].map((a, c) => (agree(c) ? 0 : a))];
  });
  const single = [...matrix.keys()].filter((i) => !paired.has(i));
  const sums = sumsOf(k, [...halves, ...single.map((i) => matrix[i])], x);
  const y = new Array<Expr>(matrix.length);
  rows.forEach(([i, j], pair) => {
    const [even, odd] = [sums[2 * pair], sums[2 * pair + 1]];
    y[i] = k.let(k.e.add(even, odd));
    y[j] = k.let(k.e.sub(even, odd));
  });
  single.forEach((i, n) => {
    y[i] = sums[halves.length + n];
  });
  return y;
}

/** Each row's sum; differences of operands that save additions are computed once. */
function sumsOf(k: KernelBuilder, rows: Matrix, x: readonly Expr[]): Expr[] {
  const { matrix, differences } = shareDifferences(rows);
  const operands = [...x, ...differences.map(([j, p]) => k.let(k.e.sub(x[j], x[p])))];
  return matrix.map((row) =>
    k.let(
      sum(
        k,
        row.map((a, c): Term => [a, operands[c]]),
      ),
    ),
  );
}

/** Columns c and d enter every row as xᶜ + xᵈ or as xᶜ − xᵈ. */
function byColumns(k: KernelBuilder, matrix: Matrix, columns: readonly [number, number][], x: readonly Expr[]): Expr[] {
  const paired = new Set(columns.flat());
  const own = [...x.keys()].filter((c) => !paired.has(c));
  const halves = columns.flatMap(([c, d]) => [k.let(k.e.add(x[c], x[d])), k.let(k.e.sub(x[c], x[d]))]);
  const rows = matrix.map((row) => [
    ...columns.flatMap(([c, d]) => (row[c] === row[d] ? [row[c], 0] : [0, row[c]])),
    ...own.map((c) => row[c]),
  ]);
  // The adjoint of differences: what is their sum for row j is taken off row p.
  const { matrix: shared, differences } = shareDifferences(transposed(rows));
  const operands = [...halves, ...own.map((c) => x[c])];
  const sums = transposed(shared).map((row) => row.map((a, c): Term => [a, operands[c]]));
  const parts = differences.map((_, i) => k.let(sum(k, sums[rows.length + i])));
  return rows.map((_, i) => {
    const shares = differences.flatMap(([j, p], d): Term[] =>
      j === i ? [[1, parts[d]]] : p === i ? [[-1, parts[d]]] : [],
    );
    return k.let(sum(k, [...sums[i], ...shares]));
  });
}

interface Shared {
  /** M′ with M x = M′ x′, where x′ is x and after it the differences. */
  readonly matrix: Matrix;
  /** Pairs (j, p): xⱼ − xₚ. */
  readonly differences: readonly (readonly [number, number])[];
}

/**
 * c₁x₁ + c₂x₂ + … + cₚxₚ with cₚ = −Σ cⱼ is Σ cⱼ (xⱼ − xₚ), one addition less: worth it where more rows have such parts than
 * there are differences. Polynomials with a common root, as in Winograd's input transforms, do.
 */
function shareDifferences(matrix: Matrix): Shared {
  let shared: Shared = { matrix, differences: [] };
  for (let next = bestPivot(matrix, shared); next; next = bestPivot(matrix, shared)) shared = next;
  return shared;
}

/** The differences from one more operand, with one or two others, that save most additions; null if none does. */
function bestPivot(original: Matrix, { matrix, differences }: Shared): Shared | null {
  let best: { saved: number; shared: Shared } | null = null;
  const columns = [...original[0].keys()];
  for (const p of columns) {
    const others = columns.filter((j) => j !== p);
    const sets = [...others.map((j) => [j]), ...others.flatMap((i) => others.filter((j) => j > i).map((j) => [i, j]))];
    for (const set of sets) {
      const taken = matrix.map((row) => zeroSum(row, p, set));
      const saved = taken.filter((part) => part !== null).length - set.length;
      if (saved <= (best?.saved ?? 0)) continue;
      const rows = matrix.map((row, i) => {
        const part = taken[i];
        const kept = part ? row.map((a, c) => (c === p || part.includes(c) ? 0 : a)) : row;
        return [...kept, ...set.map((j) => (part?.includes(j) ? row[j] : 0))];
      });
      best = { saved, shared: { matrix: rows, differences: [...differences, ...set.map((j) => [j, p] as const)] } };
    }
  }
  return best?.shared ?? null;
}

/** Those columns of the set whose coefficients add up to minus that of column p; null if none do. */
function zeroSum(row: readonly number[], p: number, set: readonly number[]): readonly number[] | null {
  const parts = set.length > 1 ? [...set.map((j) => [j]), set] : [set];
  const fits = (part: readonly number[]) =>
    part.every((j) => row[j] !== 0) && part.reduce((s, j) => s + row[j], row[p]) === 0;
  return row[p] === 0 ? null : (parts.find(fits) ?? null);
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
