/**
 * Typed functions for the errors and warnings of the catalogue (messages.md): each takes the parameters of its text and the
 * place, and gives the diagnostic.
 */
import type { Diagnostic, Span } from "./diagnostics.ts";
import catalogueText from "./messages.md";

export interface CatalogueEntry {
  readonly code: string;
  readonly severity: "error" | "warning";
  /** With `{parameter}`s. */
  readonly text: string;
  /** The cure that holds for every instance; a more particular one may replace it. */
  readonly cure: string | undefined;
}

/** Reads `### code`, `> text`, `Cure: …` under the headings `## Errors` and `## Warnings`. */
export function readCatalogue(markdown: string): Map<string, CatalogueEntry> {
  const entries = new Map<string, CatalogueEntry>();
  const [, ...sections] = markdown.split(/^## /m);
  for (const section of sections) {
    const severity = section.startsWith("Warnings") ? "warning" : "error";
    for (const part of section.split(/^### /m).slice(1)) {
      const code = part.slice(0, part.indexOf("\n")).trim();
      const text = /^> (.*)$/m.exec(part)?.[1] ?? "";
      const cure = /^Cure: (.*)$/m.exec(part)?.[1];
      entries.set(code, { code, severity, text, cure });
    }
  }
  return entries;
}

/** What the catalogue says about a code: text, meaning, example, cure. Null if there is no such code. */
export function explainCode(code: string): string | null {
  const entry = CATALOGUE.get(code);
  const part = catalogueText.split(/^### /m).find((text) => text.slice(0, text.indexOf("\n")).trim() === code);
  if (!entry || part === undefined) return null;
  const body = part.slice(part.indexOf("\n")).split(/^## /m)[0];
  const plain = body
    .replace(/^> /m, "")
    .replace(/```\w+\n([^`]*)```/g, (_, example: string) => example.replace(/^(?=.)/gm, "    "));
  return `${entry.severity}[${code}]: ${plain.trim()}\n`;
}

/** All codes, for suggestions. */
export const codes = (): readonly string[] => [...CATALOGUE.keys()];

export const warningCodes = (): readonly string[] =>
  codes().filter((code) => CATALOGUE.get(code)!.severity === "warning");

const CATALOGUE: ReadonlyMap<string, CatalogueEntry> = readCatalogue(catalogueText);

type Extra = { readonly help?: string; readonly notes?: Diagnostic["notes"] };

export interface MessageFunction<P extends string> {
  (params: Readonly<Record<P, string | number>>, span: Span | null, extra?: Extra): Diagnostic;
  readonly code: string;
  readonly params: readonly P[];
}

function message<const P extends string>(code: string, params: readonly P[]): MessageFunction<P> {
  const entry = CATALOGUE.get(code);
  if (!entry) throw new Error(`messages.md has no entry ${code}`);
  const make = (values: Readonly<Record<P, string | number>>, span: Span | null, extra: Extra = {}): Diagnostic => ({
    severity: entry.severity,
    code,
    message: fill(entry.text, values),
    span,
    notes: extra.notes ?? [],
    help: extra.help ?? (entry.cure && fill(entry.cure, values)),
  });
  return Object.assign(make, { code, params });
}

function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? `{${name}}`));
}

// Text and brackets
export const fileTooLarge = message("file-too-large", ["size", "limit"]);
export const notText = message("not-text", []);
export const tooManyTokens = message("too-many-tokens", ["limit"]);
export const tokenTooLong = message("token-too-long", ["length", "limit"]);
export const strayCharacter = message("stray-character", ["text"]);
export const unterminatedText = message("unterminated-text", []);
export const numberOutOfRange = message("number-out-of-range", ["what", "side"]);
export const unmatchedBracket = message("unmatched-bracket", ["bracket"]);
export const mismatchedBracket = message("mismatched-bracket", ["found", "expected"]);
export const unclosedBracket = message("unclosed-bracket", ["bracket", "closing"]);
export const nestedTooDeeply = message("nested-too-deeply", ["limit"]);
export const expressionTooLong = message("expression-too-long", ["limit"]);
export const syntaxError = message("syntax-error", ["expected", "found"]);
export const unknownItem = message("unknown-item", ["found"]);
export const tooManyErrors = message("too-many-errors", ["count", "kind"]);

// Imports
export const importPath = message("import-path", ["path", "problem"]);
export const importUnreadable = message("import-unreadable", ["path", "problem"]);
export const importCycle = message("import-cycle", ["files"]);
export const tooManyImports = message("too-many-imports", ["limit"]);
export const importsTooLarge = message("imports-too-large", ["size", "tokens"]);
export const unknownImport = message("unknown-import", ["file", "name"]);

// The model's clauses
export const modelCount = message("model-count", ["count"]);
export const missingClause = message("missing-clause", ["clause", "model"]);
export const duplicateClause = message("duplicate-clause", ["clause"]);
export const duplicateName = message("duplicate-name", ["kind", "name"]);
export const unknownType = message("unknown-type", ["name"]);
export const unknownData = message("unknown-data", ["name", "known"]);
export const unknownSetting = message("unknown-setting", ["clause", "name", "known"]);
export const badSetting = message("bad-setting", ["name", "expected", "found"]);
export const unknownOverride = message("unknown-override", ["key", "known"]);
export const severalOutputs = message("several-outputs", ["known"]);
export const outputWithoutSamples = message("output-without-samples", ["name", "found"]);
export const lossNotScalar = message("loss-not-scalar", ["type"]);
export const metricOfSamples = message("metric-of-samples", ["type"]);
export const notADefinition = message("not-a-definition", ["sort", "found"]);

// Names and calls
export const unknownName = message("unknown-name", ["kind", "name"]);
export const cyclicDefinition = message("cyclic-definition", ["cycle"]);
export const unknownArgument = message("unknown-argument", ["callee", "name"]);
export const duplicateArgument = message("duplicate-argument", ["callee", "name"]);
export const missingArgument = message("missing-argument", ["callee", "name"]);
export const tooManyArguments = message("too-many-arguments", ["callee", "most"]);
export const wrongArgument = message("wrong-argument", ["callee", "name", "expected", "found"]);
export const notCallable = message("not-callable", ["found"]);
export const notALayer = message("not-a-layer", ["found"]);
export const noInput = message("no-input", ["found"]);

// Values and shapes
export const wrongOperand = message("wrong-operand", ["operator", "expected", "found"]);
export const wrongValue = message("wrong-value", ["what", "expected", "found"]);
export const nestedList = message("nested-list", []);
export const indexOutOfRange = message("index-out-of-range", ["index", "length"]);
export const unknownMember = message("unknown-member", ["member", "found", "known"]);
export const badSize = message("bad-size", ["what", "size"]);
export const tooLarge = message("too-large", ["what", "elements", "limit"]);
export const tooManyAxes = message("too-many-axes", ["axes", "limit"]);
export const modelTooLarge = message("model-too-large", ["size"]);
export const shapeError = message("shape-error", ["message"]);
export const shapeType = message("shape-type", ["what", "expected", "found", "detail"]);
export const axesDiffer = message("axes-differ", ["axis", "callee", "first", "second"]);
export const assertion = message("assertion", ["message"]);
export const notCompileTime = message("not-compile-time", ["what"]);

// Statements
export const parametersOutsideNet = message("parameters-outside-net", ["name"]);
export const misplacedStatement = message("misplaced-statement", ["statement", "place"]);
export const unusedValue = message("unused-value", []);
export const emptyBody = message("empty-body", ["what"]);
export const notABuffer = message("not-a-buffer", ["name"]);
export const sharedDiffer = message("shared-differ", ["name", "first", "second"]);
export const modesDiffer = message("modes-differ", ["name", "first", "second"]);
export const reservedName = message("reserved-name", ["name", "kind"]);
export const unknownParameterType = message("unknown-parameter-type", ["name", "known"]);
export const tooMuchWork = message("too-much-work", ["limit"]);
export const callsTooDeep = message("calls-too-deep", ["limit"]);
export const repeatLimit = message("repeat-limit", ["count", "limit"]);

// Found by `mlc check --grad`
export const gradientDiffers = message("gradient-differs", ["what", "variable", "gradient", "difference"]);

// Warnings
export const deadLayer = message("dead-layer", ["name"]);
export const unusedArgument = message("unused-argument", ["sort", "callee", "name"]);
export const unusedLet = message("unused-let", ["name"]);
export const repeatedActivation = message("repeated-activation", ["loss", "found"]);
export const missingLogarithm = message("missing-logarithm", ["loss", "found"]);
export const wastedLanes = message("wasted-lanes", ["lanes", "size", "idle", "percent"]);
export const unstableForm = message("unstable-form", ["op", "operand", "result"]);
export const noEffect = message("no-effect", ["what", "reason"]);
export const unusedInput = message("unused-input", ["kind", "name"]);
export const unmatchedPattern = message("unmatched-pattern", ["pattern", "known"]);
export const batchRefused = message("batch-refused", ["batch", "use", "message"]);
export const emptyGroup = message("empty-group", []);
export const nothingTrained = message("nothing-trained", []);
