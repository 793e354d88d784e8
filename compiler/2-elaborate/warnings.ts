/** What is allowed and hardly meant: layers and names without effect, a softmax that the loss computes again. */
import { scan } from "../1-parse/scan.ts";
import type { Expr, SyntaxTree, UseClause } from "../1-parse/syntax.ts";
import type { Diagnostic, SourceFile } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import { type TensorDecl, topological, type Value } from "../ir/graph.ts";
import type { Clauses } from "./clauses.ts";

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

/** `let`s of the file whose name stands nowhere else in it. */
export function unusedLets(file: SourceFile): readonly Diagnostic[] {
  const words = wordsOf(scan(file).tokens);
  return words.all.flatMap(({ text, start, end, before }) =>
    before === "let" && !words.isUsed(text) ? [errors.unusedLet({ name: text }, { file, start, end })] : [],
  );
}

/** Parameters of the file's definitions that their bodies do not use: a learning rate that is given and has no effect. */
export function unusedArguments({ file, items }: SyntaxTree): readonly Diagnostic[] {
  const { tokens } = scan(file);
  return items.flatMap((item) => {
    if (item.kind !== "definition") return [];
    const { sort, name, params, span } = item;
    const words = wordsOf(tokens.filter(({ start, end }) => start >= span.start && end <= span.end));
    return params
      .filter((param) => param.name.text !== "in" && !words.isUsed(param.name.text))
      .map((param) => errors.unusedArgument({ sort, callee: name.text, name: param.name.text }, param.name.span));
  });
}

/** The words of a text, and which of them stand in it more than once, or in braces in the text of an assertion. */
function wordsOf(tokens: ReturnType<typeof scan>["tokens"]) {
  const counts = new Map<string, number>();
  for (const { text, kind } of tokens) if (kind === "word") counts.set(text, (counts.get(text) ?? 0) + 1);
  const texts = tokens.filter(({ kind }) => kind === "string").map(({ text }) => text);
  return {
    all: tokens.map((token, i) => ({ ...token, before: tokens[i - 1]?.text })),
    isUsed: (word: string): boolean => counts.get(word) !== 1 || texts.some((text) => text.includes(`{${word}`)),
  };
}

/** Losses that begin with an activation of their own, and what must not stand in front of them. */
const OWN_ACTIVATION: Readonly<
  Record<string, { readonly computes: string; readonly found: (v: Value) => string | null }>
> = {
  cross_entropy: {
    computes: "log_softmax",
    found: (v) => (isSoftmax(v) ? "softmax" : isLogSoftmax(v) ? "log_softmax" : null),
  },
  bce_with_logits: { computes: "sigmoid", found: (v) => (v.op === "sigmoid" ? "sigmoid" : null) },
};

/** `cross_entropy(net, …)` where the net ends with `softmax`, and the like. */
export function repeatedActivation({ expr }: UseClause, net: Value): readonly Diagnostic[] {
  const value = throughViews(net);
  return callsOn("net", expr).flatMap(({ callee, span }) => {
    const known = Object.hasOwn(OWN_ACTIVATION, callee) ? OWN_ACTIVATION[callee] : undefined;
    const activation = known?.found(value) ?? null;
    if (known === undefined || activation === null) return [];
    const note = { message: `the net's \`${activation}\` is computed here`, span: value.span };
    return [
      errors.repeatedActivation({ loss: callee, computes: known.computes, found: activation }, span, { notes: [note] }),
    ];
  });
}

/** Calls in an expression whose first argument is this name. */
function callsOn(name: string, expr: Expr): { callee: string; span: Expr["span"] }[] {
  const inner = Object.values(expr).flatMap((part): Expr[] =>
    (Array.isArray(part) ? part : [part]).flatMap((p) =>
      p?.value?.kind ? [p.value] : p?.expr?.kind ? [p.expr] : p?.kind ? [p] : [],
    ),
  );
  const own =
    expr.kind === "call" &&
    expr.callee.kind === "name" &&
    expr.args[0]?.value.kind === "name" &&
    expr.args[0].value.name === name
      ? [{ callee: expr.callee.name, span: expr.span }]
      : [];
  return [...own, ...inner.flatMap((part) => callsOn(name, part))];
}

function throughViews(value: Value): Value {
  return value.op === "reshape" || value.op === "broadcast" ? throughViews(value.inputs[0]) : value;
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
