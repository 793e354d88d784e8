/** The syntax tree of a `.model` file: what is written, with its place; names are not resolved yet. */
import type { SourceFile, Span } from "../diagnostics.ts";

export interface Name {
  readonly text: string;
  readonly span: Span;
}

export type Expr =
  | { readonly kind: "number"; readonly value: number; readonly span: Span }
  | { readonly kind: "string"; readonly value: string; readonly span: Span }
  | { readonly kind: "boolean"; readonly value: boolean; readonly span: Span }
  | { readonly kind: "name"; readonly name: string; readonly span: Span }
  | { readonly kind: "list"; readonly items: readonly Expr[]; readonly span: Span }
  | { readonly kind: "unary"; readonly op: UnaryOperator; readonly operand: Expr; readonly span: Span }
  | {
      readonly kind: "binary";
      readonly op: BinaryOperator;
      readonly left: Expr;
      readonly right: Expr;
      readonly span: Span;
    }
  /** `if c then a else b`, `c ? a : b` */
  | {
      readonly kind: "choice";
      readonly condition: Expr;
      readonly then: Expr;
      readonly else: Expr;
      readonly span: Span;
    }
  | CallExpr
  | { readonly kind: "index"; readonly target: Expr; readonly index: Expr; readonly span: Span }
  | { readonly kind: "member"; readonly target: Expr; readonly member: Name; readonly span: Span }
  /** `first |> label: step |> …` */
  | { readonly kind: "pipe"; readonly steps: readonly Step[]; readonly span: Span }
  /** `{ … }`: a layer without a name. */
  | { readonly kind: "block"; readonly body: readonly Statement[]; readonly span: Span }
  | {
      readonly kind: "repeat";
      readonly count: Expr;
      readonly variable: Name | null;
      /** All instances have the same parameters. */
      readonly shared: boolean;
      readonly body: readonly Statement[];
      readonly span: Span;
    };

export type UnaryOperator = "-" | "±" | "not";
export type BinaryOperator =
  | "+"
  | "-"
  | "*"
  | "/"
  | "%"
  | "@"
  | "^"
  | "=="
  | "!="
  | "<"
  | "<="
  | ">"
  | ">="
  | "and"
  | "or";

export interface CallExpr {
  readonly kind: "call";
  readonly callee: Expr;
  readonly args: readonly Argument[];
  readonly span: Span;
}

export interface Argument {
  readonly name: Name | null;
  readonly value: Expr;
  readonly span: Span;
  /** From the command line: takes the place of the argument that the file gives. */
  readonly override?: boolean;
}

export interface Step {
  readonly label: Name | null;
  readonly expr: Expr;
  readonly span: Span;
}

export type Statement =
  | { readonly kind: "let"; readonly name: Name; readonly value: Expr; readonly span: Span }
  /** `share tower = layer`: wherever it is applied, it has the same parameters. */
  | { readonly kind: "share"; readonly name: Name; readonly value: Expr; readonly span: Span }
  /** `output boxes = value`: what the net gives beside the value of its last step. */
  | { readonly kind: "output"; readonly name: Name; readonly steps: readonly Step[]; readonly span: Span }
  | ParamStatement
  | BufferStatement
  | StateStatement
  | { readonly kind: "update"; readonly name: Name; readonly value: Expr; readonly span: Span }
  | AssignStatement
  | AssertStatement
  | {
      readonly kind: "if";
      readonly condition: Expr;
      readonly then: readonly Statement[];
      readonly else: readonly Statement[];
      readonly span: Span;
    }
  | { readonly kind: "step"; readonly steps: readonly Step[]; readonly span: Span };

/** `param weight[out, in] ~ init if condition else other` */
export interface ParamStatement {
  readonly kind: "param";
  readonly name: Name;
  readonly shape: readonly Expr[];
  readonly init: Expr;
  readonly condition: Expr | null;
  readonly otherwise: Expr | null;
  readonly span: Span;
}

/** `buffer mean[channels] = 0 if condition else other` */
export interface BufferStatement {
  readonly kind: "buffer";
  readonly name: Name;
  readonly shape: readonly Expr[];
  readonly value: Expr;
  readonly condition: Expr | null;
  readonly otherwise: Expr | null;
  readonly span: Span;
}

/** `state velocity[sizes] ~ init = value`; every part but the name may be left out. */
export interface StateStatement {
  readonly kind: "state";
  readonly name: Name;
  readonly shape: readonly Expr[] | null;
  readonly init: Expr | null;
  readonly value: Expr | null;
  readonly span: Span;
}

export interface AssignStatement {
  readonly kind: "assign";
  readonly name: Name;
  /** `x op= value`; null for a plain `=`. */
  readonly op: "+" | "-" | "*" | "/" | null;
  readonly value: Expr;
  readonly span: Span;
}

/** `assert condition, "message", "cure"` */
export interface AssertStatement {
  readonly kind: "assert";
  readonly condition: Expr;
  readonly message: string | null;
  readonly cure: string | null;
  readonly span: Span;
}

export type DefinitionSort = "layer" | "fn" | "loss" | "optimizer" | "metric" | "schedule" | "init";

/** A size of a shape type: a name, an expression, or `...` for any number of axes. */
export type Axis = Expr | { readonly kind: "rest"; readonly span: Span };

/** `size`, or with axes `f32[n, channels, height, width]`. */
export interface ParameterType extends Name {
  readonly axes: readonly Axis[] | null;
}

export interface Parameter {
  readonly name: Name;
  /** Types and words that an argument may be; empty: anything. */
  readonly types: readonly ParameterType[];
  readonly default: Expr | null;
  readonly span: Span;
}

export interface Definition {
  readonly kind: "definition";
  readonly sort: DefinitionSort;
  readonly name: Name;
  readonly params: readonly Parameter[];
  readonly body: readonly Statement[];
  /** The `///` comment before it, without the slashes. */
  readonly doc: string;
  readonly span: Span;
}

export interface InputClause {
  readonly kind: "input" | "target";
  readonly name: Name;
  readonly type: Name;
  readonly shape: readonly Expr[];
  readonly span: Span;
}

export interface DataClause {
  readonly kind: "data";
  readonly source: Name;
  readonly args: readonly Argument[];
  readonly body: readonly Statement[];
  readonly span: Span;
}

export interface TrainClause {
  readonly kind: "train";
  readonly settings: readonly Argument[];
  readonly span: Span;
}

export type Clause =
  | InputClause
  | DataClause
  | TrainClause
  | Definition
  | { readonly kind: "net"; readonly body: readonly Statement[]; readonly span: Span }
  | LetClause
  | AssertStatement
  /** `loss`, `metric`, `optimizer` in a model: which one is used. */
  | UseClause;

export interface UseClause {
  readonly kind: "use";
  readonly sort: "loss" | "metric" | "optimizer";
  readonly label: Name | null;
  readonly expr: Expr;
  /** Of an optimizer: parameters that it treats in another way. */
  readonly groups: readonly ParamGroup[];
  readonly span: Span;
}

/** `"*.bias", "norm*" if param.rank == 1: weight_decay = 0` */
export interface ParamGroup {
  /** Patterns of names, without their quotes; none: all names. */
  readonly patterns: readonly Name[];
  readonly condition: Expr | null;
  readonly rule: GroupRule;
  readonly span: Span;
}

export type GroupRule =
  | { readonly kind: "frozen"; readonly span: Span }
  /** The optimizer of the clause with other arguments. */
  | { readonly kind: "settings"; readonly settings: readonly Argument[]; readonly span: Span }
  | { readonly kind: "optimizer"; readonly expr: Expr; readonly span: Span };

export interface Model {
  readonly kind: "model";
  readonly name: Name;
  readonly clauses: readonly Clause[];
  readonly doc: string;
  readonly span: Span;
}

/** A constant of the file. */
export interface LetClause {
  readonly kind: "let";
  readonly name: Name;
  readonly value: Expr;
  readonly span: Span;
}

/** `import "blocks.model"`, `import residual as block, width from "blocks.model"`. */
export interface ImportItem {
  readonly kind: "import";
  /** null: all that the file defines. */
  readonly names: readonly { readonly name: Name; readonly as: Name }[] | null;
  /** As written. */
  readonly path: Name;
  readonly span: Span;
}

export type Item = Model | Definition | LetClause | AssertStatement | ImportItem;

export interface SyntaxTree {
  readonly file: SourceFile;
  readonly items: readonly Item[];
  /** The trees of the files that its `import`s name, once they are read. */
  readonly imports: ReadonlyMap<ImportItem, SyntaxTree>;
}
