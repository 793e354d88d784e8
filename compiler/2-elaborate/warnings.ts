/** What is allowed and hardly meant: layers and names without effect, a softmax where a loss computes its own. */
import { scan, type Token } from "../1-parse/scan.ts";
import type { Definition, SyntaxTree } from "../1-parse/syntax.ts";
import type { Diagnostic, SourceFile } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import { type TensorDecl, topological, type Value } from "../ir/graph.ts";
import type { Clauses } from "./clauses.ts";
import type { LossCall } from "./context.ts";

/** What is declared and has no effect: layers on the training loss, inputs on the loss and the metrics. */
export function withoutEffect(
  clauses: Clauses,
  tensors: readonly TensorDecl[],
  loss: Value,
  metrics: readonly Value[],
): readonly Diagnostic[] {
  const trained = leavesOf([loss]);
  const evaluated = leavesOf(metrics);
  const isUsed = (leaf: string): boolean => trained.has(leaf) || evaluated.has(leaf);
  const isDead = ({ name, frozen }: TensorDecl): boolean => !(frozen ? isUsed : has(trained))(`param ${name}`);
  const dead = tensors.filter((decl) => decl.kind === "param" && isDead(decl));
  const inputs = clauses.inputs.filter(({ name }) => !isUsed(`input ${name.text}`));
  return [
    ...deadLayers(dead, evaluated),
    ...inputs.map(({ kind, name }) => errors.unusedInput({ kind, name: name.text }, name.span)),
  ];
}

const has =
  (set: ReadonlySet<string>) =>
  (leaf: string): boolean =>
    set.has(leaf);

const leavesOf = (outputs: readonly Value[]): ReadonlySet<string> =>
  new Set(topological(outputs).map(({ op, attrs }) => `${op} ${attrs.name}`));

/** A warning for each place in the text: the layers of a repeat have one. */
function deadLayers(dead: readonly TensorDecl[], evaluated: ReadonlySet<string>): readonly Diagnostic[] {
  const places = new Map<string, { readonly names: Set<string>; readonly decl: TensorDecl }>();
  for (const decl of dead) {
    const place = `${decl.span?.file.name} ${decl.span?.start}`;
    const known = places.get(place) ?? { names: new Set(), decl };
    known.names.add(decl.name.replace(/\.?[^.]*$/, ""));
    places.set(place, known);
  }
  return [...places.values()].map(({ names: [name, ...others], decl }) => {
    const help = evaluated.has(`param ${decl.name}`)
      ? "only the evaluation uses it: let it count in the loss, or freeze it: `requires_grad = false`"
      : undefined;
    const more = { message: `nor on those of ${others.map((other) => `\`${other}\``).join(", ")}`, span: null };
    return errors.deadLayer({ name }, decl.span, { help, notes: others.length > 0 ? [more] : [] });
  });
}

/** `let`s and shared layers of the file whose name stands nowhere else in it. */
export function unusedLets(file: SourceFile): readonly Diagnostic[] {
  const { tokens } = scan(file);
  return tokens.flatMap(({ text, start, end }, i) => {
    const before = tokens[i - 1]?.text;
    const declares = before === "let" || (before === "share" && tokens[i + 1]?.text === "=");
    return declares && !isUsed(text, start, tokens) ? [errors.unusedLet({ name: text }, { file, start, end })] : [];
  });
}

/** Parameters of the file's definitions that their bodies do not use: a learning rate that is given and has no effect. */
export function unusedArguments({ file, items }: SyntaxTree): readonly Diagnostic[] {
  const { tokens } = scan(file);
  const definitions = items.flatMap((item): readonly Definition[] => {
    if (item.kind === "model") return item.clauses.filter((clause) => clause.kind === "definition");
    return item.kind === "definition" ? [item] : [];
  });
  return definitions.flatMap(({ sort, name, params, span }) => {
    const own = tokens.filter(({ start, end }) => start >= span.start && end <= span.end);
    return params
      .filter((param) => param.name.text !== "in" && !isUsed(param.name.text, param.name.span.start, own))
      .map((param) => errors.unusedArgument({ sort, callee: name.text, name: param.name.text }, param.name.span));
  });
}

/** Whether a name that is declared at `start` stands elsewhere, but as a member or before `=`, or in the text of an assertion. */
function isUsed(name: string, start: number, tokens: readonly Token[]): boolean {
  return tokens.some((token, i) =>
    token.kind === "string"
      ? token.text.includes(`{${name}`)
      : token.text === name && token.start !== start && tokens[i + 1]?.text !== "=" && tokens[i - 1]?.text !== ".",
  );
}

type Activation = "softmax" | "log_softmax" | "sigmoid";

/** What losses of the library are hardly meant to be given, and what is wrong with it. */
const UNSUITED: ReadonlyMap<string, readonly [made: readonly Activation[], warning: typeof errors.repeatedActivation]> =
  new Map([
    ["cross_entropy", [["softmax", "log_softmax"], errors.repeatedActivation]],
    ["bce_with_logits", [["sigmoid"], errors.repeatedActivation]],
    ["nll", [["softmax"], errors.missingLogarithm]],
    ["kl_div", [["softmax"], errors.missingLogarithm]],
  ]);

/** `cross_entropy` of what `softmax` made, and the like. */
export function unsuitedActivations(losses: readonly LossCall[]): readonly Diagnostic[] {
  return losses.flatMap(({ loss, pred, span }) => {
    const value = throughViews(pred);
    const found = activationOf(value);
    const [made, warning] = UNSUITED.get(loss) ?? [];
    if (found === null || warning === undefined || !made?.includes(found)) return [];
    const notes = [{ message: `the \`${found}\` is computed here`, span: value.span }];
    return [warning({ loss, found }, span, { notes })];
  });
}

function activationOf(value: Value): Activation | null {
  if (value.op === "sigmoid") return "sigmoid";
  return isSoftmax(value) ? "softmax" : isLogSoftmax(value) ? "log_softmax" : null;
}

function throughViews(value: Value): Value {
  return ["reshape", "broadcast", "transpose"].includes(value.op) ? throughViews(value.inputs[0]) : value;
}

/** e / Σ e with e = exp(…) */
function isSoftmax({ op, inputs: [e, total] }: Value): boolean {
  if (op !== "div" || e.op !== "exp") return false;
  const sum = throughViews(total);
  return sum.op === "sum" && sum.inputs[0] === e;
}

/** x − log Σ exp(x) */
function isLogSoftmax({ op, inputs: [x, shift] }: Value): boolean {
  const log = op === "sub" ? throughViews(shift) : null;
  if (log?.op !== "log") return false;
  const sum = throughViews(log.inputs[0]);
  return sum.op === "sum" && sum.inputs[0].op === "exp" && sum.inputs[0].inputs[0] === x;
}
