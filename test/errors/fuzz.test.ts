/**
 * Seeded fuzzing of the front end: whatever the text, it ends in a model or in diagnostics with places. A failure prints the
 * text; `FUZZ_COUNT=200000 FUZZ_SEED=1 npx vitest … test/errors/fuzz.test.ts` runs longer.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { renderDiagnostic } from "../../compiler/diagnostics-text.ts";
import { LIBRARY } from "../../compiler/std/index.ts";
import { check, modelWith } from "./front-end.ts";

const COUNT = Number(process.env.FUZZ_COUNT ?? 1500);
const SEED = Number(process.env.FUZZ_SEED ?? 1);

class Random {
  constructor(private state: number) {}
  /** A whole number from 0 to below `limit` (mulberry32). */
  below(limit: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t ^= t + Math.imul(t ^ (t >>> 7), 61 | t);
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  }
  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }
}

const models = fileURLToPath(new URL("../../models", import.meta.url));
const cases = fileURLToPath(new URL("cases", import.meta.url));
const corpus = [
  ...readdirSync(models).map((name) => readFileSync(`${models}/${name}`, "utf8")),
  ...readdirSync(cases).map((name) => readFileSync(`${cases}/${name}/input.model`, "utf8")),
  modelWith(""),
  modelWith("net { repeat 2 as i { c: conv2d(i + 2, kernel = 1) }; flatten; fc: linear(10) }"),
];
const lines = [...corpus, ...LIBRARY.map((file) => file.text)].flatMap((text) => text.split("\n"));
const tokens = [...new Set(lines.flatMap((line) => line.match(/\w+|[^\w\s]/g) ?? []))];
const strange = [
  "0",
  "-1",
  "1e308",
  "1e999",
  "10^12",
  "2^53",
  "0/0",
  '"',
  "±",
  "é",
  "\u0000",
  "\ud800",
  "𝔸",
  "\r\n",
  "∞",
  "//",
  "{",
  ")",
];

/** A new text from an old one: tokens and lines removed, doubled, swapped, replaced. */
function mutated(text: string, random: Random): string {
  let parts = random.below(2) === 0 ? text.split(/(?<=\n)/) : text.split(/(?<=\W)|(?=\W)/);
  for (let i = random.below(6); i >= 0; i--) {
    const at = random.below(parts.length);
    const change = random.below(6);
    if (change === 0) parts.splice(at, 1 + random.below(3));
    else if (change === 1) parts.splice(at, 0, parts[random.below(parts.length)] ?? "");
    else if (change === 2) parts[at] = ` ${random.of(tokens)} `;
    else if (change === 3) parts.splice(at, 0, random.of(strange));
    else if (change === 4) parts.splice(at, 0, `${random.of(lines)}\n`);
    else parts = [...parts.slice(at), ...parts.slice(0, at)];
    if (parts.length === 0) parts.push(random.of(lines));
  }
  return parts.join("");
}

const generators: readonly ((random: Random) => string)[] = [
  (random) => mutated(random.of(corpus), random),
  (random) => mutated(mutated(random.of(corpus), random), random),
  (random) => modelWith(Array.from({ length: 1 + random.below(4) }, () => random.of(lines)).join("\n")),
  (random) => modelWith(`net { ${Array.from({ length: random.below(12) }, () => random.of(tokens)).join(" ")} }`),
  (random) => Array.from({ length: random.below(80) }, () => random.of([...tokens, ...strange])).join(" "),
  (random) => Array.from({ length: random.below(300) }, () => String.fromCharCode(random.below(0x300))).join(""),
  (random) =>
    modelWith(`optimizer sgd(lr = ${random.of(["(", "[", "-", "not ", "1 + ", "f("]).repeat(random.below(600))}1)`),
];

it(`${COUNT} texts from seed ${SEED} end in a model or in diagnostics with places`, { timeout: 3_600_000 }, () => {
  for (let i = 0; i < COUNT; i++) {
    const random = new Random(SEED * 1_000_003 + i);
    const text = random.of(generators)(random);
    try {
      const { diagnostics, model } = check(text);
      expect(model !== null || diagnostics.some((d) => d.severity === "error")).toBe(true);
      for (const d of diagnostics) {
        expect(d.span, d.code).not.toBeNull();
        const { file, start, end } = d.span!;
        expect(start >= 0 && start <= end && end <= file.text.length, `${d.code} at ${start}…${end}`).toBe(true);
        expect(renderDiagnostic(d)).toContain(d.code);
      }
    } catch (error) {
      console.error(`input ${i} of seed ${SEED}:\n${JSON.stringify(text)}`);
      throw error;
    }
  }
});
