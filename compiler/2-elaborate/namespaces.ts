/** The definitions that a file can use: its own, the library's and the builtins, by sort. Layers, functions and values share one space. */

import type { LibraryEntry } from "../1-parse/parse.ts";
import type { Definition, DefinitionSort } from "../1-parse/syntax.ts";
import type { SourceFile } from "../diagnostics.ts";
import type { Builder } from "../ir/builder.ts";
import type { Builtin } from "./builtins/builtin.ts";
import { BUILTINS, DISTRIBUTIONS } from "./builtins/index.ts";
import { Scope } from "./scope.ts";
import { type Callable, type CValue, tensor } from "./values.ts";

/** Values of the training run that schedules and optimizers may use. */
const HOST_NAMES = ["step", "epoch", "steps_per_epoch", "epochs", "total_steps"] as const;

type Space = "values" | "loss" | "metric" | "optimizer" | "schedule" | "init";

export class Namespaces {
  /** Layers, functions, builtins, `n` and `pi`. */
  readonly values: Scope;
  /** `values` and the run's step, epoch, … */
  readonly host: Scope;
  private readonly spaces: Readonly<Record<Space, Scope>>;

  constructor(
    b: Builder,
    entries: readonly LibraryEntry[],
    private readonly libraryFiles: ReadonlySet<SourceFile>,
  ) {
    const library = new Library(entries);
    const space = (name: Space, parent: Scope | null = null): Scope => new LibraryScope(name, library, parent);
    this.values = space("values");
    this.host = new Scope(this.values);
    const loss = space("loss");
    this.spaces = {
      values: this.values,
      loss,
      // A loss serves as a metric too.
      metric: space("metric", loss),
      optimizer: space("optimizer"),
      schedule: space("schedule"),
      init: space("init"),
    };
    for (const builtin of BUILTINS) this.values.set(builtin.name, ofBuiltin(builtin));
    for (const builtin of DISTRIBUTIONS) this.spaces.init.set(builtin.name, ofBuiltin(builtin));
    this.values.set("n", tensor(b.host("n")));
    this.values.set("pi", Math.PI);
    for (const name of HOST_NAMES) this.host.set(name, tensor(b.host(name)));
    this.host.set("t", tensor(b.add(b.host("step"), 1)));
    this.host.set("first_step", tensor(b.binary("eq", b.host("step"), 0)));
    library.scope = this.values;
  }

  /** Definitions that a `sort` of clause or body looks up first. */
  preferred(sort: DefinitionSort): Scope | null {
    if (sort === "layer" || sort === "fn") return null;
    return this.spaces[sort === "optimizer" ? "schedule" : sort];
  }
  space(sort: DefinitionSort): Scope {
    return this.spaces[spaceOf(sort)];
  }
  /** Makes a definition of the user's file known; false if there is one of that name. */
  define(definition: Definition, scope: Scope): boolean {
    const space = this.space(definition.sort);
    const own = space.own(definition.name.text);
    if (own !== undefined && isUserDefinition(own, this)) return false;
    space.set(definition.name.text, ofDefinition(definition, scope));
    return true;
  }
  isLibrary(file: SourceFile): boolean {
    return this.libraryFiles.has(file);
  }
  /** What the name is, in whichever space it stands. */
  sortsOf(name: string): string[] {
    return Object.values(this.spaces)
      .map((scope) => scope.callable(name))
      .flatMap((v) => (v && typeof v === "object" && "target" in v ? [v] : []))
      .map(({ target }) => (target.kind === "definition" ? target.definition.sort : "fn"));
  }
}

/** The library's definitions, each parsed when it is first asked for. */
class Library {
  private readonly entries = new Map<string, LibraryEntry>();
  /** Where their bodies look names up. */
  scope: Scope | null = null;

  constructor(entries: readonly LibraryEntry[]) {
    for (const entry of entries) this.entries.set(`${spaceOf(entry.sort)} ${entry.name}`, entry);
  }
  find(space: Space, name: string): CValue | undefined {
    const entry = this.entries.get(`${space} ${name}`);
    return entry && ofDefinition(entry.parse(), this.scope!);
  }
  names(space: Space): string[] {
    return [...this.entries.values()].filter((e) => spaceOf(e.sort) === space).map((e) => e.name);
  }
}

/** A namespace whose library definitions are found when they are first asked for. */
class LibraryScope extends Scope {
  constructor(
    private readonly space: Space,
    private readonly library: Library,
    parent: Scope | null = null,
  ) {
    super(parent);
  }
  override get(name: string): CValue | undefined {
    return this.load(name) ?? super.get(name);
  }
  override callable(name: string): CValue | undefined {
    this.load(name);
    return super.callable(name);
  }
  override *all(toCall: boolean): Iterable<string> {
    yield* super.all(toCall);
    yield* this.library.names(this.space);
  }
  private load(name: string): CValue | undefined {
    const known = this.own(name);
    if (known !== undefined) return known;
    const found = this.library.find(this.space, name);
    if (found !== undefined) this.set(name, found);
    return found;
  }
}

function spaceOf(sort: DefinitionSort): Space {
  return sort === "layer" || sort === "fn" ? "values" : sort;
}

function isUserDefinition(value: CValue, names: Namespaces): boolean {
  const target = typeof value === "object" && "target" in value ? (value as Callable).target : null;
  return target?.kind === "definition" && !names.isLibrary(target.definition.span.file);
}

const ofBuiltin = (builtin: Builtin): Callable => ({
  kind: "callable",
  target: { kind: "builtin", builtin },
  given: new Map(),
});
const ofDefinition = (definition: Definition, scope: Scope): Callable => ({
  kind: "callable",
  target: { kind: "definition", definition, scope },
  given: new Map(),
});
