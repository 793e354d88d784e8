/** Fuzzing of what has a text form: random models through `mlc fmt`, and their graphs, after every pass, to text and back. */
import { parse } from "../../compiler/1-parse/parse.ts";
import { elaborate } from "../../compiler/2-elaborate/elaborate.ts";
import { compile } from "../../compiler/compile.ts";
import { format } from "../../compiler/format/format.ts";
import { Builder } from "../../compiler/ir/builder.ts";
import type { Module } from "../../compiler/ir/graph.ts";
import { parseModule, printModule } from "../../compiler/ir/text.ts";
import { randomModel } from "./generate.ts";
import { modelText } from "./program.ts";

const NAME = "random";

/** Models of the seeds `first`, `first + 1`, …; a text for each that fails. */
export function fuzzForms(
  first: number,
  count: number,
  progress?: (done: number, failures: readonly string[]) => void,
) {
  const failures: string[] = [];
  for (let seed = first; seed < first + count; seed++) {
    const text = modelText(randomModel(seed));
    const wrong = wrongFormat(text) ?? wrongIr(text);
    if (wrong !== null) failures.push(`seed ${seed}: ${wrong}\n\n${text}`);
    progress?.(seed - first + 1, failures);
  }
  return { models: count, failures };
}

function wrongFormat(text: string): string | null {
  const formatted = format({ name: NAME, text });
  if (format({ name: NAME, text: formatted }) !== formatted) return "formatting what is formatted changes it";
  const graphs = [text, formatted].map((source) =>
    withoutPlaces(elaborate(parse({ name: NAME, text: source })).module),
  );
  return graphs[0] === graphs[1] ? null : "formatted it means something else";
}

const withoutPlaces = (module: Module): string => printModule(module).replace(/ *;.*$/gm, "");

function wrongIr(text: string): string | null {
  let wrong: string | null = null;
  const observe = (stage: string, module: Module): void => {
    const printed = printModule(module);
    const again = printModule(parseModule(printed, new Builder()));
    if (again !== printed) wrong ??= `the graph after "${stage}" is not what its text says`;
  };
  compile(text, { observe });
  return wrong;
}
