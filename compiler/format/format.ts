/**
 * `format(file)`: the canonical form of a model file. What it means stays: the tokens are the same ones, but for separators
 * that say nothing; every comment keeps its place among them.
 */
import { parse } from "../1-parse/parse.ts";
import { scan, type Token } from "../1-parse/scan.ts";
import type { SourceFile } from "../diagnostics.ts";
import { fileDoc } from "./brackets.ts";
import { print } from "./pretty.ts";
import { treeOf } from "./tree.ts";

const WIDTH = 120;

/** Throws CompileError with the diagnostics of a file that has syntax errors. */
export function format(file: SourceFile): string {
  parse(file);
  const text = file.text.replace(/^\ufeff/, "").replace(/\r\n?/g, "\n");
  const { items, end } = treeOf(text, scan({ ...file, text }).tokens);
  const formatted = print(fileDoc(items, end), WIDTH);
  const [before, after] = [contents(text), contents(formatted)];
  const at = before.findIndex((part, i) => part !== after[i]);
  if (at !== -1 || before.length !== after.length) {
    throw new Error(`formatting ${file.name} would turn \`${before[at]}\` into \`${after[at]}\``);
  }
  return formatted;
}

/** All that must stay, in order: the tokens without separators that say nothing, then the comments. */
function contents(text: string): string[] {
  const { tokens } = scan({ name: "", text });
  const ends = (token: Token | undefined): boolean => token === undefined || [";", ","].includes(token.text);
  const written = tokens
    .filter((token, i) => {
      const next = tokens[i + 1];
      const nothing = [")", "]", "}"].includes(next?.text ?? "}") || ends(next) || ["{"].includes(tokens[i - 1]?.text);
      return !(ends(token) && nothing);
    })
    .map((token) => (ends(token) ? "," : token.text));
  const comments = text.match(/\/\/.*/g) ?? [];
  return [...written, ...comments.map((comment) => comment.trimEnd())];
}
