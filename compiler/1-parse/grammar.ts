/** Matches text against model.ohm and leaves ohm's tree for ours at once. */
import * as ohm from "ohm-js";
import type { SourceFile, Span } from "../diagnostics.ts";
import { expressions } from "./grammar-expressions.ts";
import recipe from "./model.ohm";
import { all, type Node, optional, type Place, placeOf, spanOf, tree } from "./ohm-tree.ts";
import type { Argument, Axis, DefinitionSort, Expr, Name, ParameterType, ParamGroup, Statement } from "./syntax.ts";

// ohm's declarations leave out what its own bundler uses: a grammar read at build time.
const { makeRecipe } = ohm as unknown as { makeRecipe(recipe: readonly unknown[]): ohm.Grammar };

export type StartRule = "Item" | "Expr";
export type Match =
  | { readonly ok: true; readonly node: unknown }
  /** The furthest place that the grammar reached, and what it would have taken there. */
  | { readonly ok: false; readonly offset: number; readonly expected: readonly string[] };

export class Grammar {
  private readonly grammar = makeRecipe(recipe);
  private readonly trees = this.grammar.createSemantics();

  constructor() {
    this.trees.addOperation<unknown>("tree(place)", actions);
  }

  /** Matches `text`, which stands at offset `base` of the file, against a rule. */
  match(file: SourceFile, text: string, base: number, rule: StartRule): Match {
    const result = this.grammar.match(text, rule);
    if (result.succeeded()) {
      const place: Place = (start, end) => ({ file, start: base + start, end: base + end });
      return { ok: true, node: this.trees(result).tree(place) };
    }
    // Asks ohm to match again while it keeps book of what it expected.
    const failures = (result as unknown as { getRightmostFailures(): { toString(): string; isFluffy(): boolean }[] })
      .getRightmostFailures()
      .filter((f) => !f.isFluffy())
      .map((f) => f.toString());
    const offset =
      base + (result as unknown as { getRightmostFailurePosition(): number }).getRightmostFailurePosition();
    return { ok: false, offset, expected: [...new Set(failures)] };
  }
}

type Condition = { readonly condition: Expr; readonly otherwise: Expr | null };
const conditionOf = (self: Node, node: Node): Condition | { condition: null; otherwise: null } =>
  optional<Condition>(self, node) ?? { condition: null, otherwise: null };

/** Which parameters a group takes. */
type Selection = Pick<ParamGroup, "patterns" | "condition">;

/** `= expression` as a body. */
const expressionBody = (expr: Expr): Statement[] => [
  { kind: "step", steps: [{ label: null, expr, span: expr.span }], span: expr.span },
];

const items: ohm.ActionDict<unknown> = {
  Import(_import, names, path) {
    const { value: text, span } = tree<{ value: string; span: Span }>(this, path);
    return { kind: "import", names: optional(this, names), path: { text, span }, span: spanOf(this) };
  },
  ImportNames(names, _from) {
    return all(this, names);
  },
  ImportName(name, as) {
    const original = tree<Name>(this, name);
    return { name: original, as: optional<Name>(this, as) ?? original };
  },
  ImportAs(_as, name) {
    return tree(this, name);
  },
  Model(_model, name, _open, _s1, clauses, _s2, _close) {
    return { kind: "model", name: tree(this, name), clauses: all(this, clauses), doc: "", span: spanOf(this) };
  },
  Input(kind, name, _colon, type, shape) {
    return {
      kind: kind.sourceString.trim(),
      name: tree(this, name),
      type: tree(this, type),
      shape: optional<Expr[]>(this, shape) ?? [],
      span: spanOf(this),
    };
  },
  Net(_net, block) {
    return { kind: "net", body: tree(this, block), span: spanOf(this) };
  },
  Use(kind, label, expr) {
    return {
      kind: "use",
      sort: kind.sourceString.trim(),
      label: optional(this, label),
      expr: tree(this, expr),
      groups: [],
      span: spanOf(this),
    };
  },
  Optimizer(_optimizer, label, expr, groups) {
    return {
      kind: "use",
      sort: "optimizer",
      label: optional(this, label),
      expr: tree(this, expr),
      groups: optional<ParamGroup[]>(this, groups) ?? [],
      span: spanOf(this),
    };
  },
  Groups(_open, _s1, groups, _s2, _close) {
    return all(this, groups);
  },
  Group(selection, _colon, rule) {
    return { ...tree<Selection>(this, selection), rule: tree(this, rule), span: spanOf(this) };
  },
  Selection_patterns(patterns, condition): Selection {
    return { patterns: tree(this, patterns), condition: optional(this, condition) };
  },
  Selection_condition(condition): Selection {
    return { patterns: [], condition: tree(this, condition) };
  },
  Patterns(patterns): Name[] {
    return all<{ value: string; span: Span }>(this, patterns).map(({ value, span }) => ({ text: value, span }));
  },
  Where(_if, condition) {
    return tree(this, condition);
  },
  Rule_frozen(_frozen) {
    return { kind: "frozen", span: spanOf(this) };
  },
  Rule_settings(settings) {
    return { kind: "settings", settings: all(this, settings), span: spanOf(this) };
  },
  Rule_optimizer(expr) {
    return { kind: "optimizer", expr: tree(this, expr), span: spanOf(this) };
  },
  Data(_data, source, args, block) {
    return {
      kind: "data",
      source: tree(this, source),
      args: optional<Argument[]>(this, args) ?? [],
      body: optional<Statement[]>(this, block) ?? [],
      span: spanOf(this),
    };
  },
  Train(_train, _open, _s1, settings, _s2, _close) {
    return { kind: "train", settings: all(this, settings), span: spanOf(this) };
  },
  Setting(name, _eq, value) {
    return { name: tree(this, name), value: tree(this, value), span: spanOf(this) };
  },
  Definition(sort, name, params, body) {
    return {
      kind: "definition",
      sort: sort.sourceString.trim() as DefinitionSort,
      name: tree(this, name),
      params: optional(this, params) ?? [],
      body: tree(this, body),
      doc: "",
      span: spanOf(this),
    };
  },
  Params(_open, params, _comma, _close) {
    return all(this, params);
  },
  Param(name, types, value) {
    return {
      name: tree(this, name),
      types: optional<ParameterType[]>(this, types) ?? [],
      default: optional(this, value),
      span: spanOf(this),
    };
  },
  Types(_colon, types) {
    return all(this, types);
  },
  Type(name, axes): ParameterType {
    return { text: name.sourceString.trim(), axes: optional<Axis[]>(this, axes), span: spanOf(this) };
  },
  Axes(_open, axes, _comma, _close) {
    return all(this, axes);
  },
  Axis_rest(_dots): Axis {
    return { kind: "rest", span: spanOf(this) };
  },
  Default(_eq, expr) {
    return tree(this, expr);
  },
  Body_expression(_eq, expr) {
    return expressionBody(tree(this, expr));
  },
};

const statements: ohm.ActionDict<unknown> = {
  Block(_open, _s1, body, _s2, _close) {
    return all(this, body);
  },
  Let(_let, name, _eq, value) {
    return { kind: "let", name: tree(this, name), value: tree(this, value), span: spanOf(this) };
  },
  Share(_share, name, _eq, value) {
    return { kind: "share", name: tree(this, name), value: tree(this, value), span: spanOf(this) };
  },
  Output(_output, name, _eq, first, _pipes, rest) {
    const steps = [tree(this, first), ...all(this, rest)];
    return { kind: "output", name: tree(this, name), steps, span: spanOf(this) };
  },
  ParamDecl(_param, name, shape, init, condition) {
    return {
      kind: "param",
      name: tree(this, name),
      shape: tree(this, shape),
      init: tree(this, init),
      ...conditionOf(this, condition),
      span: spanOf(this),
    };
  },
  Init(_tilde, expr) {
    return tree(this, expr);
  },
  BufferDecl(_buffer, name, shape, _eq, value, condition) {
    return {
      kind: "buffer",
      name: tree(this, name),
      shape: tree(this, shape),
      value: tree(this, value),
      ...conditionOf(this, condition),
      span: spanOf(this),
    };
  },
  Condition(_if, condition, otherwise): Condition {
    return { condition: tree(this, condition), otherwise: optional(this, otherwise) };
  },
  Otherwise(_else, expr) {
    return tree(this, expr);
  },
  State(_state, name, shape, init, value) {
    return {
      kind: "state",
      name: tree(this, name),
      shape: optional(this, shape),
      init: optional(this, init),
      value: optional(this, value),
      span: spanOf(this),
    };
  },
  NewValue(_eq, value) {
    return tree(this, value);
  },
  Update(_update, name, _eq, value) {
    return { kind: "update", name: tree(this, name), value: tree(this, value), span: spanOf(this) };
  },
  Assert(_assert, condition, message, cure) {
    const text = (node: Node): string | null => optional<{ value: string }>(this, node)?.value ?? null;
    return {
      kind: "assert",
      condition: tree(this, condition),
      message: text(message),
      cure: text(cure),
      span: spanOf(this),
    };
  },
  Message(_comma, text) {
    return tree(this, text);
  },
  If(_if, condition, block, otherwise) {
    return {
      kind: "if",
      condition: tree(this, condition),
      then: tree(this, block),
      else: optional<Statement[]>(this, otherwise) ?? [],
      span: spanOf(this),
    };
  },
  Else(_else, branch) {
    const body = tree<Statement | Statement[]>(this, branch);
    return Array.isArray(body) ? body : [body];
  },
  Assign(name, op, value) {
    const sign = op.sourceString.trim();
    return {
      kind: "assign",
      name: tree(this, name),
      op: sign === "=" ? null : sign[0],
      value: tree(this, value),
      span: spanOf(this),
    };
  },
  Steps(first, _pipes, rest) {
    return { kind: "step", steps: [tree(this, first), ...all(this, rest)], span: spanOf(this) };
  },
  Step(label, expr) {
    return { label: optional(this, label), expr: tree(this, expr), span: spanOf(this) };
  },
  Label(name, _colon) {
    return { text: name.sourceString, span: placeOf(this)(name.source.startIdx, name.source.endIdx) };
  },
  Shape(_open, sizes, _comma, _close) {
    return all(this, sizes);
  },
};

const actions: ohm.ActionDict<unknown> = { ...items, ...statements, ...expressions };
