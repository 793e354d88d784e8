/** What the tests of diagnostics share: running the front end on a text, and a correct model to spoil. */
import { type Elaborated, elaborate } from "../../compiler/2-elaborate/elaborate.ts";
import { simplify } from "../../compiler/3-passes/simplify.ts";
import { adviceOn } from "../../compiler/advice/index.ts";
import { parseSource } from "../../compiler/compile.ts";
import { CompileError, type Diagnostic } from "../../compiler/diagnostics.ts";

export interface Outcome {
  readonly diagnostics: readonly Diagnostic[];
  readonly model: Elaborated | null;
}

/** Parses and elaborates; anything but a CompileError is thrown on. `files` may be imported. */
export function check(
  text: string,
  overrides: Record<string, string> = {},
  file = "input.model",
  files: Record<string, string> = {},
): Outcome {
  try {
    const model = elaborate(parseSource(text, { file, files }), { overrides });
    return { diagnostics: model.warnings, model };
  } catch (error) {
    if (error instanceof CompileError) return { diagnostics: error.diagnostics, model: null };
    throw error;
  }
}

/** What is said of a correct model: by the front end, and of its simplified graph. */
export function warningsOf(text: string): readonly Diagnostic[] {
  const { diagnostics, model } = check(text);
  return model ? [...diagnostics, ...adviceOn(simplify(model.module, model.builder))] : diagnostics;
}

const CLAUSES: readonly (readonly [kind: string, text: string])[] = [
  ["input", "input image: f32[3, 8, 8]"],
  ["target", "target label: class[10]"],
  ["net", "net { flatten; fc: linear(10) }"],
  ["loss", "loss cross_entropy(net, label)"],
  ["optimizer", "optimizer sgd(lr = 0.1)"],
];

/** A model with these clauses, and those that it lacks. */
export function modelWith(clauses: string): string {
  if (/^(model|modle|layer twice)\b/m.test(clauses)) return clauses;
  const has = (kind: string): boolean =>
    new RegExp(`^\\s*${kind}\\b(?! \\w+\\([^)]*\\)\\s*(=|\\{(?!\\s*")))`, "m").test(clauses);
  const others = CLAUSES.filter(([kind]) => !has(kind)).map(([, text]) => text);
  return `model m {\n${[...others, clauses].join("\n")}\n}\n`;
}
