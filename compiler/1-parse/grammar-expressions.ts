/** Expressions: what ohm's tree of one becomes. */
import type * as ohm from "ohm-js";
import { all, type Node, optional, placeOf, spanOf, tree } from "./ohm-tree.ts";
import { join, type OperationPart, operationTree } from "./operators.ts";
import type { Argument, BinaryOperator, Expr, Name, Step, UnaryOperator } from "./syntax.ts";

/** What follows an expression makes of it: a call, an element, a member. */
type Suffix = (expr: Expr) => Expr;

export const expressions: ohm.ActionDict<unknown> = {
  Expr(first, _pipes, rest) {
    const head = tree<Expr>(this, first);
    const tail = all<Step>(this, rest);
    if (tail.length === 0) return head;
    return { kind: "pipe", steps: [{ label: null, expr: head, span: head.span }, ...tail], span: spanOf(this) };
  },
  Choice_if(_if, condition, _then, then, _else, otherwise) {
    return choice(this, condition, then, otherwise);
  },
  Ternary_choice(condition, _q, then, _colon, otherwise) {
    return choice(this, condition, then, otherwise);
  },
  Operation(first, operators, rest) {
    const operands = [tree<OperationPart[]>(this, first), ...all<OperationPart[]>(this, rest)];
    const parts = operators.children.flatMap((op, i): OperationPart[] => [
      { kind: "operator", op: op.sourceString.trim() as BinaryOperator },
      ...operands[i + 1],
    ]);
    return operationTree([...operands[0], ...parts]);
  },
  Operand(prefixes, expr): OperationPart[] {
    const place = placeOf(this);
    const signs = prefixes.children.map((p): OperationPart => {
      const op = p.sourceString.trim() as UnaryOperator;
      return { kind: "prefix", op, span: place(p.source.startIdx, p.source.startIdx + op.length) };
    });
    return [...signs, { kind: "operand", expr: tree(this, expr) }];
  },
  Postfix(primary, suffixes) {
    return all<Suffix>(this, suffixes).reduce((expr, suffix) => suffix(expr), tree<Expr>(this, primary));
  },
  Suffix_call(args): Suffix {
    const [list, end] = [tree<Argument[]>(this, args), spanOf(this)];
    return (callee) => ({ kind: "call", callee, args: list, span: join(callee.span, end) });
  },
  Suffix_index(_open, expr, _close): Suffix {
    const [index, end] = [tree<Expr>(this, expr), spanOf(this)];
    return (target) => ({ kind: "index", target, index, span: join(target.span, end) });
  },
  Suffix_member(_dot, name): Suffix {
    const member = tree<Name>(this, name);
    return (target) => ({ kind: "member", target, member, span: join(target.span, member.span) });
  },
  Args(_open, args, _comma, _close) {
    return all(this, args);
  },
  Arg_named(name, _eq, value) {
    return { name: tree(this, name), value: tree(this, value), span: spanOf(this) };
  },
  Arg_positional(value) {
    return { name: null, value: tree(this, value), span: spanOf(this) };
  },
  Primary_repeat(_repeat, count, instances, body) {
    return {
      kind: "repeat",
      count: tree(this, count),
      ...(optional<Instances>(this, instances) ?? { variable: null, shared: false }),
      body: tree(this, body),
      span: spanOf(this),
    };
  },
  Instances_named(variable, shared): Instances {
    return { variable: tree(this, variable), shared: shared.children.length > 0 };
  },
  Instances_shared(_shared, variable): Instances {
    return { variable: optional(this, variable), shared: true };
  },
  As(_as, name) {
    return tree(this, name);
  },
  Primary_name(name) {
    const { text, span } = tree<Name>(this, name);
    return { kind: "name", name: text, span };
  },
  Primary_group(_open, expr, _close) {
    return { ...tree<Expr>(this, expr), span: spanOf(this) };
  },
  Primary_list(_open, items, _comma, _close) {
    return { kind: "list", items: all(this, items), span: spanOf(this) };
  },
  Primary_block(block) {
    return { kind: "block", body: tree(this, block), span: spanOf(this) };
  },
  ident(_start, _rest) {
    return { text: this.sourceString, span: spanOf(this) };
  },
  boolean(word) {
    return { kind: "boolean", value: word.sourceString === "true", span: spanOf(this) };
  },
  number(_whole, _point, _fraction, _exponent) {
    return { kind: "number", value: Number(this.sourceString), span: spanOf(this) };
  },
  string(_open, text, _close) {
    return { kind: "string", value: text.sourceString, span: spanOf(this) };
  },
};

/** How a repeat names its instances, and whether they are one. */
type Instances = Pick<Extract<Expr, { kind: "repeat" }>, "variable" | "shared">;

function choice(self: Node, condition: Node, then: Node, otherwise: Node): Expr {
  return {
    kind: "choice",
    condition: tree(self, condition),
    then: tree(self, then),
    else: tree(self, otherwise),
    span: spanOf(self),
  };
}
