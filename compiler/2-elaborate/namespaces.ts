/** The definitions that a file can use: its own, the library's and the builtins, by sort. */

import type { LibraryEntry, LibraryFile } from "../1-parse/library.ts";
import type { Definition, DefinitionSort } from "../1-parse/syntax.ts";
import type { SourceFile, Span } from "../diagnostics.ts";
import type { Builder } from "../ir/builder.ts";
import type { Builtin } from "./builtins/builtin.ts";
import { BUILTINS, DISTRIBUTIONS } from "./builtins/index.ts";
import { Scope } from "./scope.ts";
import { type Callable, type CValue, isCallable, tensor } from "./values.ts";

/** Values of the training run that schedules and optimizers may use. */
const HOST_NAMES = ["step", "epoch", "steps_per_epoch", "epochs", "total_steps"] as const;

/** Layers and functions share a space with values: `relu`, `n`. */
const SPACES = ["values", "loss", "metric", "optimizer", "schedule", "init"] as const;
type Space = (typeof SPACES)[number];

/** The definitions that one file's text sees. The library does not see the user's: it keeps its meaning whatever they are called. */
export class Spaces {
  /** `values` and the run's step, epoch, …: for schedules and optimizers. */
  readonly host: Scope;

  /** `imported` holds the names that are another file's; they lie behind the file's own. */
  constructor(
    private readonly spaces: Readonly<Record<Space, Scope>>,
    b: Builder,
    private readonly imported: Readonly<Record<Space, Scope>> | null = null,
  ) {
    this.host = new Scope(this.values);
    for (const name of HOST_NAMES) this.host.set(name, tensor(b.host(name)));
    this.host.set("t", tensor(b.add(b.host("step"), 1)));
    this.host.set("first_step", tensor(b.binary("eq", b.host("step"), 0)));
  }

  /** Layers, functions, constants, `n` and `pi`. */
  get values(): Scope {
    return this.spaces.values;
  }
  of(sort: DefinitionSort): Scope {
    return this.scope(spaceOf(sort));
  }
  scope(space: Space): Scope {
    return this.spaces[space];
  }
  /** What is looked up before the values in a clause or a body of this sort. */
  preferred(sort: DefinitionSort): Scope | null {
    if (sort === "layer" || sort === "fn") return null;
    return this.spaces[sort === "optimizer" ? "schedule" : sort];
  }
  /** The names of what the file itself defines, constants among them. */
  get ownNames(): Set<string> {
    return new Set(SPACES.flatMap((space) => [...this.spaces[space].ownNames()]));
  }
  /** Whether a name of that sort, or a constant, is imported. */
  isImported(name: string, sort: DefinitionSort | null = null): boolean {
    return this.imported?.[sort === null ? "values" : spaceOf(sort)].own(name) !== undefined;
  }
  /** Where what is imported under that name is defined; null for constants. */
  importedPlace(name: string): Span | null {
    const found = SPACES.map((space) => this.imported?.[space].own(name)).find((v) => v !== undefined && isCallable(v));
    return found && isCallable(found) && found.target.kind === "definition" ? found.target.definition.name.span : null;
  }
  /** Takes what another file defines under `name`, whatever it is; false if something of that name is imported already. */
  import(from: Spaces, name: string, as: string): boolean {
    for (const space of SPACES) {
      const value = from.spaces[space].own(name);
      const scope = this.imported![space];
      const known = scope.own(as);
      if (value !== undefined && known !== undefined && known !== value) return false;
      if (value !== undefined) scope.set(as, value);
    }
    return true;
  }
  /** Makes a definition of this file known; false if there is one of that name. */
  define(definition: Definition): boolean {
    const { sort, name } = definition;
    const value = ofDefinition(definition, this);
    const own = this.of(sort).own(name.text);
    if (own !== undefined && !(sort === "metric" && sortOf(own) === "loss")) return false;
    this.of(sort).set(name.text, value);
    // A loss serves as a metric too.
    if (sort === "loss" && this.spaces.metric.own(name.text) === undefined) this.spaces.metric.set(name.text, value);
    return true;
  }
  /** What can be called by that name, of whatever sort. */
  anyCallable(name: string): Callable | undefined {
    const found = SPACES.map((space) => this.spaces[space].callable(name));
    return found.find((value): value is Callable => value !== undefined && isCallable(value));
  }
  /** What sorts of definitions the name has. */
  sortsOf(name: string): string[] {
    return SPACES.flatMap((space) => sortOf(this.spaces[space].callable(name)) ?? []);
  }
}

export class Namespaces {
  readonly library: Spaces;
  /** Those of the file with the model. */
  readonly user: Spaces;

  constructor(
    private readonly b: Builder,
    private readonly files: readonly LibraryFile[],
  ) {
    const library = new Library(files.flatMap(({ entries }) => entries));
    const loss = new LibraryScope("loss", library);
    const spaces: Record<Space, Scope> = {
      values: new LibraryScope("values", library),
      loss,
      metric: new LibraryScope("metric", library, loss),
      optimizer: new LibraryScope("optimizer", library),
      schedule: new LibraryScope("schedule", library),
      init: new LibraryScope("init", library),
    };
    for (const builtin of BUILTINS) spaces.values.set(builtin.name, ofBuiltin(builtin));
    for (const builtin of DISTRIBUTIONS) spaces.init.set(builtin.name, ofBuiltin(builtin));
    spaces.values.set("n", tensor(b.host("n")));
    spaces.values.set("pi", Math.PI);
    this.library = new Spaces(spaces, b);
    library.spaces = this.library;
    this.user = this.file();
  }

  /** The names that one more file sees: the library's, those that it imports, its own. */
  file(): Spaces {
    const behind = (scopes: (space: Space) => Scope): Record<Space, Scope> =>
      Object.fromEntries(SPACES.map((space) => [space, new Scope(scopes(space))])) as Record<Space, Scope>;
    const imported = behind((space) => this.library.scope(space));
    return new Spaces(
      behind((space) => imported[space]),
      this.b,
      imported,
    );
  }

  isLibrary(file: SourceFile): boolean {
    return this.files.some((known) => known === file);
  }
}

/** The library's definitions, each unpacked when it is first asked for. */
class Library {
  private readonly entries = new Map<string, LibraryEntry>();
  /** Where their bodies look names up. */
  spaces: Spaces | null = null;

  constructor(entries: readonly LibraryEntry[]) {
    for (const entry of entries) this.entries.set(`${spaceOf(entry.sort)} ${entry.name}`, entry);
  }
  find(space: Space, name: string): CValue | undefined {
    const entry = this.entries.get(`${space} ${name}`);
    return entry && ofDefinition(entry.definition(), this.spaces!);
  }
  names(space: Space): string[] {
    return [...this.entries.values()].filter((e) => spaceOf(e.sort) === space).map((e) => e.name);
  }
  /** What only serves the library's other definitions has no documentation. */
  isHelper(space: Space, name: string): boolean {
    return this.entries.get(`${space} ${name}`)?.doc === "";
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
    for (const name of [...super.all(toCall), ...this.library.names(this.space)]) {
      if (!this.library.isHelper(this.space, name)) yield name;
    }
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

function sortOf(value: CValue | undefined): string | null {
  if (value === undefined || !isCallable(value)) return null;
  const { target } = value;
  return target.kind === "definition" ? target.definition.sort : "fn";
}

const ofBuiltin = (builtin: Builtin): Callable => ({
  kind: "callable",
  target: { kind: "builtin", builtin },
  given: new Map(),
});
const ofDefinition = (definition: Definition, spaces: Spaces): Callable => ({
  kind: "callable",
  target: { kind: "definition", definition, spaces },
  given: new Map(),
});
