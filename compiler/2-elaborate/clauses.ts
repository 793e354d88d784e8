/** Sorts a model's clauses, and reports those that are missing or there twice. */
import type {
  AssertStatement,
  Clause,
  DataClause,
  Definition,
  InputClause,
  LetClause,
  Model,
  SyntaxTree,
  TrainClause,
  UseClause,
} from "../1-parse/syntax.ts";
import * as errors from "../errors.ts";
import type { Diagnostics } from "./context.ts";

type NetClause = Extract<Clause, { kind: "net" }>;

export interface Clauses {
  readonly inputs: readonly InputClause[];
  readonly lets: readonly LetClause[];
  readonly asserts: readonly AssertStatement[];
  readonly definitions: readonly Definition[];
  readonly net: NetClause | null;
  readonly loss: UseClause | null;
  readonly metrics: readonly UseClause[];
  readonly optimizer: UseClause | null;
  readonly data: DataClause | null;
  readonly train: TrainClause | null;
}

/** The clauses of the model, with the constants and definitions of its file. */
export function sortClauses(tree: SyntaxTree, model: Model, diagnostics: Diagnostics): Clauses {
  const of = <K extends Clause["kind"]>(...kinds: K[]): Extract<Clause, { kind: K }>[] =>
    [...tree.items, ...model.clauses].filter((c): c is Extract<Clause, { kind: K }> =>
      (kinds as string[]).includes(c.kind),
    );
  const only = <T extends Clause>(clause: string, found: readonly T[]): T | null => {
    for (const extra of found.slice(1)) {
      const notes = [{ message: "the first one is here", span: found[0].span }];
      diagnostics.add(errors.duplicateClause({ clause }, extra.span, { notes }));
    }
    return found[0] ?? null;
  };
  const uses = of("use");
  const clauses: Clauses = {
    inputs: of("input", "target"),
    lets: of("let"),
    asserts: of("assert"),
    definitions: of("definition"),
    net: only("net", of("net")),
    loss: only(
      "loss",
      uses.filter((u) => u.sort === "loss"),
    ),
    metrics: uses.filter((u) => u.sort === "metric"),
    optimizer: only(
      "optimizer",
      uses.filter((u) => u.sort === "optimizer"),
    ),
    data: only("data", of("data")),
    train: only("train", of("train")),
  };
  const missing = (clause: keyof typeof CURES, help = `add ${CURES[clause]}`): void =>
    diagnostics.add(errors.missingClause({ clause, model: model.name.text }, model.name.span, { help }));
  if (!clauses.inputs.some((c) => c.kind === "input")) missing("input");
  if (clauses.net === null) missing("net");
  if (clauses.loss === null) missing("loss");
  if (clauses.optimizer === null) missing("optimizer", cureOfDefinition(model));
  return clauses;
}

/** Braces behind an optimizer that hold no groups make a definition of it. */
function cureOfDefinition({ clauses }: Model): string | undefined {
  const own = clauses.find((c) => c.kind === "definition" && c.sort === "optimizer") as Definition | undefined;
  if (!own) return undefined;
  const { text } = own.name;
  return `\`optimizer ${text}(…) { … }\` defines one: add \`optimizer ${text}\`, or begin groups with patterns, \`"*.bias": frozen\``;
}

const CURES = {
  input: "`input image: f32[3, 32, 32]`",
  net: "`net { … }`: the layers, one a line",
  loss: "`loss cross_entropy(net, label)`",
  optimizer: "`optimizer sgd(lr = 0.01)`",
};
