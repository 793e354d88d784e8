/** Library files as the package holds them: parsed when it is built, as reading them takes longer than all the rest. */
import type { SourceFile } from "../diagnostics.ts";
import { parse } from "./parse.ts";
import type { Definition, DefinitionSort } from "./syntax.ts";

/** A file's text, and its definitions with their syntax trees as JSON. */
export interface PackedFile {
  readonly text: string;
  readonly entries: readonly {
    readonly sort: DefinitionSort;
    readonly name: string;
    readonly doc: string;
    readonly tree: string;
  }[];
}

export interface LibraryFile extends SourceFile {
  readonly entries: readonly LibraryEntry[];
}

export interface LibraryEntry {
  readonly sort: DefinitionSort;
  readonly name: string;
  readonly doc: string;
  /** Unpacked when it is asked for: a model uses few of them. */
  readonly definition: () => Definition;
}

/** A place is its offsets alone. */
export function packed(file: SourceFile): PackedFile {
  const tree = (definition: Definition) =>
    JSON.stringify(definition, (key, value) => (key === "span" ? [value.start, value.end] : value));
  const definitions = parse(file).items.filter((item) => item.kind === "definition");
  const entries = definitions.map((d) => ({ sort: d.sort, name: d.name.text, doc: d.doc, tree: tree(d) }));
  return { text: file.text, entries };
}

export function unpacked(name: string, { text, entries }: PackedFile): LibraryFile {
  const place = ([start, end]: readonly [number, number]) => ({ file, start, end });
  const definition = (tree: string): Definition =>
    JSON.parse(tree, (key, value) => (key === "span" ? place(value) : value));
  const file: LibraryFile = {
    name,
    text,
    entries: entries.map(({ tree, ...entry }) => ({ ...entry, definition: () => definition(tree) })),
  };
  return file;
}
