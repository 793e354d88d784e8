/** Makes known what the files of a model define; before a file's own definitions, those of the files that it imports. */
import type { AssertStatement, Definition, Expr, ImportItem, LetClause, SyntaxTree } from "../1-parse/syntax.ts";
import { CompileError, type Diagnostic } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import { assert } from "./body.ts";
import { type Context, didYouMean, type Env } from "./context.ts";
import { evaluateFunction } from "./evaluate.ts";
import { guarded } from "./failure.ts";
import type { Spaces } from "./namespaces.ts";
import { resolve } from "./resolve.ts";
import { POISON } from "./values.ts";

type Own = { readonly definitions: readonly Definition[]; readonly lets: readonly LetClause[] };

export class Linker {
  private readonly done = new Map<SyntaxTree, Spaces>();

  /** `overridden` holds the values that constants of imported files have from the command line. */
  constructor(
    private readonly ctx: Context,
    private readonly overridden: ReadonlyMap<LetClause, Expr>,
  ) {}

  /** Makes known what the file imports, then its own definitions; the constants are looked at only by name. */
  define(tree: SyntaxTree, { definitions, lets }: Own, spaces: Spaces): void {
    const { diagnostics } = this.ctx;
    for (const [item, imported] of tree.imports) this.import(item, imported, spaces);
    for (const definition of definitions) {
      const { sort, name } = definition;
      if (spaces.define(definition) && !spaces.isImported(name.text, sort)) continue;
      const notes = otherPlace(spaces, name.text);
      diagnostics.add(errors.duplicateName({ kind: sort, name: name.text }, name.span, { notes }));
    }
    const constants = lets.map(({ name }) => name.text);
    // Definitions that refer to themselves must not be run.
    if (!resolve(definitions, constants, spaces, diagnostics)) throw new CompileError(diagnostics.all);
  }

  /** The constants of a file, each seeing those before it. */
  constants(lets: readonly LetClause[], spaces: Spaces): void {
    const { diagnostics } = this.ctx;
    const env: Env = { ctx: this.ctx, scope: spaces.values, spaces, prefer: null, path: null };
    for (const { name } of lets) this.ctx.pending.add(name.text);
    for (const clause of lets) {
      const { name, value } = clause;
      if (spaces.values.own(name.text) !== undefined || spaces.isImported(name.text)) {
        diagnostics.add(errors.duplicateName({ kind: "name", name: name.text }, name.span));
      }
      const known = guarded(diagnostics, () => evaluateFunction(this.overridden.get(clause) ?? value, env));
      spaces.values.set(name.text, known ?? POISON);
      this.ctx.pending.delete(name.text);
    }
  }

  /** What must hold of the constants. */
  assertions(asserts: readonly AssertStatement[], spaces: Spaces): void {
    const env: Env = { ctx: this.ctx, scope: spaces.values, spaces, prefer: null, path: null };
    for (const statement of asserts) guarded(this.ctx.diagnostics, () => assert(statement, env));
  }

  private import(item: ImportItem, tree: SyntaxTree, spaces: Spaces): void {
    const { diagnostics } = this.ctx;
    const from = this.linked(tree);
    const names = [...from.ownNames];
    const wanted =
      item.names ?? names.map((text) => ({ name: { text, span: item.path.span }, as: { text, span: item.path.span } }));
    for (const { name, as } of wanted) {
      if (!names.includes(name.text)) {
        const params = { file: tree.file.name, name: name.text };
        diagnostics.add(errors.unknownImport(params, name.span, didYouMean(name.text, names)));
      } else if (!spaces.import(from, name.text, as.text)) {
        const help = `import it under another name: \`import ${name.text} as … from "${item.path.text}"\``;
        const notes = otherPlace(spaces, as.text);
        diagnostics.add(errors.duplicateName({ kind: "name", name: as.text }, as.span, { help, notes }));
      }
    }
  }

  /** The names of an imported file; several files may import it. */
  private linked(tree: SyntaxTree): Spaces {
    const known = this.done.get(tree);
    if (known) return known;
    const spaces = this.ctx.names.file();
    this.done.set(tree, spaces);
    const own = ownOf(tree);
    this.define(tree, own, spaces);
    this.constants(own.lets, spaces);
    this.assertions(own.asserts, spaces);
    return spaces;
  }
}

function otherPlace(spaces: Spaces, name: string): Diagnostic["notes"] {
  const span = spaces.importedPlace(name);
  return span ? [{ message: "another one is imported from here", span }] : [];
}

function ownOf({ items }: SyntaxTree): Own & { readonly asserts: readonly AssertStatement[] } {
  return {
    definitions: items.filter((item) => item.kind === "definition"),
    lets: items.filter((item) => item.kind === "let"),
    asserts: items.filter((item) => item.kind === "assert"),
  };
}

/** The constant that `name` is in a file through one of its imports. */
export function importedConstant(tree: SyntaxTree, name: string): LetClause | undefined {
  for (const [item, imported] of tree.imports) {
    const original = item.names === null ? name : item.names.find(({ as }) => as.text === name)?.name.text;
    const found = ownOf(imported).lets.find((clause) => clause.name.text === original);
    if (found) return found;
  }
  return undefined;
}

/** The constants that are imported, under the names that they have here. */
export function importedConstants(tree: SyntaxTree): string[] {
  return [...tree.imports].flatMap(([item, imported]) => {
    const own = ownOf(imported).lets.map((clause) => clause.name.text);
    return item.names === null
      ? own
      : item.names.filter(({ name }) => own.includes(name.text)).map(({ as }) => as.text);
  });
}
