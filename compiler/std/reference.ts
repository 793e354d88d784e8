/** The reference of the library, made from the `///` comments of its files: the last part of docs/language.md. */
import type { LibraryEntry } from "../1-parse/library.ts";
import type { Definition } from "../1-parse/syntax.ts";
import type { Builtin } from "../2-elaborate/builtins/builtin.ts";
import { BUILTINS, DISTRIBUTIONS } from "../2-elaborate/builtins/index.ts";
import { show } from "../2-elaborate/values.ts";
import type { SourceFile } from "../diagnostics.ts";
import { LIBRARY } from "./index.ts";

const TITLES: Readonly<Record<string, string>> = {
  schedules: "Schedules of the learning rate",
  transforms: "Steps of data",
};

/** Markdown: one section a file, one entry a definition; then the functions that are not written in the language. */
export function libraryReference(): string {
  const sections = LIBRARY.flatMap((file) => {
    // What has no `///` comment only serves others.
    const described = file.entries.filter(({ doc }) => doc !== "");
    return described.length === 0 ? [] : [[`### ${titleOf(file)}`, ...described.map(entryText)].join("\n\n")];
  });
  const builtins = [
    "### Functions on numbers and tensors",
    "On numbers they are computed at compile time, on tensors they become operations of the graph.",
    BUILTINS.map(builtinText).join("\n"),
    "### Distributions",
    "What initialisers are made of, after `~`.",
    DISTRIBUTIONS.map(builtinText).join("\n"),
  ];
  return [...sections, ...builtins].join("\n\n");
}

/** `layers-norm.model` holds "Layers: norm". */
function titleOf({ name }: SourceFile): string {
  const key = name.replace(/^.*\/|\.model$/g, "");
  const [first, ...rest] = key.split("-");
  const plain = [`${first[0].toUpperCase()}${first.slice(1)}`, ...rest].join(": ");
  return TITLES[key] ?? plain;
}

function entryText(entry: LibraryEntry): string {
  const definition = entry.definition();
  return `#### \`${definition.sort} ${signature(definition)}\`\n\n${entry.doc}`;
}

/** As written, on one line. */
function signature({ name, params }: Definition): string {
  if (params.length === 0) return name.text;
  const { file } = name.span;
  const text = params.map(({ span }) => file.text.slice(span.start, span.end)).join(", ");
  return `${name.text}(${text})`;
}

function builtinText({ name, params, doc }: Builtin): string {
  const list = params.map((p) => (p.default === undefined ? p.name : `${p.name} = ${word(show(p.default))}`));
  return `- \`${name}(${list.join(", ")})\`: ${doc}`;
}

/** A word is written without quotes. */
const word = (text: string): string => text.replace(/^"(.*)"$/, "$1");
