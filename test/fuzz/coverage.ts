/** What of the library random models use. */
import { BUILTINS, DISTRIBUTIONS } from "../../compiler/2-elaborate/builtins/index.ts";
import { LIBRARY } from "../../compiler/std/index.ts";
import { randomModel } from "./generate.ts";
import { modelText } from "./program.ts";

/** Everything that a model can use by its name: the documented entries of the library, and the functions beside it. */
export function libraryNames(): string[] {
  const entries = LIBRARY.flatMap(({ entries }) => entries).filter(({ doc }) => doc !== "");
  const names = [...entries.map((entry) => entry.definition()), ...BUILTINS, ...DISTRIBUTIONS].map(({ name }) =>
    typeof name === "string" ? name : name.text,
  );
  return [...new Set(names)].sort();
}

/** How many of the texts use each of the names. */
export function usesOf(names: readonly string[], texts: readonly string[]): Map<string, number> {
  const words = texts.map((text) => new Set(text.match(/\w+/g)));
  return new Map(names.map((name) => [name, words.filter((found) => found.has(name)).length]));
}

/** The same of the models of the seeds `first`, `first + 1`, …; the rarest names first. */
export function usesInModels(first: number, count: number): [name: string, models: number][] {
  const texts = Array.from({ length: count }, (_, i) => modelText(randomModel(first + i)));
  return [...usesOf(libraryNames(), texts)].sort(([, a], [, b]) => a - b);
}
