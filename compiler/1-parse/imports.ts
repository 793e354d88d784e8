/**
 * Files that import other files: reads and parses them all. Paths are relative to the importing file and stay within the folder
 * of the first one, whatever they are written like; the texts come from the caller.
 */
import { CompileError, type Diagnostic, nearest, type SourceFile, type Span } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import { parseScanned, scanOrThrow } from "./parse.ts";
import type { ImportItem, SyntaxTree } from "./syntax.ts";

/** What stands at a path: a text, or why it cannot be read, with paths of files that could have been meant. */
export type FileContent =
  | { readonly text: string }
  | { readonly problem: string; readonly candidates?: readonly string[] };
/** Finds a file by its path from the folder of the first file, in normal form: `blocks/residual.model`. */
export type Files = (path: string) => FileContent;

/** Files, and characters and words in all of them together. */
const MAX_FILES = 50;
const MAX_SIZE = 1 << 20;
const MAX_TOKENS = 20_000;
const MAX_DIAGNOSTICS = 30;

const SUFFIX = ".model";
const stem = (path: string): string => path.slice(0, -SUFFIX.length);

/** The file with all that it imports, directly or not. Throws CompileError with every error found in any of them. */
export function parseWithImports(file: SourceFile, files: Files): SyntaxTree {
  return new Reader(file, files).run();
}

/** A file that is being read, and the import that led to it. */
interface Open {
  readonly path: string;
  readonly name: string;
  readonly by: Span | null;
}

class Reader {
  /** By path; null where the file has errors. */
  private readonly trees = new Map<string, SyntaxTree | null>();
  private readonly diagnostics: Diagnostic[] = [];
  private readonly open: Open[] = [];
  private readonly folder: string;
  /** Set at a limit: no more is read. */
  private stopped = false;
  private size = 0;
  private tokens = 0;

  constructor(
    private readonly first: SourceFile,
    private readonly files: Files,
  ) {
    this.folder = first.name.slice(0, first.name.lastIndexOf("/") + 1);
  }

  run(): SyntaxTree {
    const path = this.first.name.slice(this.folder.length);
    const tree = this.read({ path, name: this.first.name, by: null }, this.first);
    if (this.diagnostics.length > 0) throw new CompileError(this.diagnostics);
    return tree!;
  }

  private read(open: Open, file: SourceFile): SyntaxTree | null {
    this.open.push(open);
    const tree = this.parsed(file);
    const imports = new Map<ImportItem, SyntaxTree>();
    for (const item of tree?.items ?? []) {
      const imported = item.kind === "import" && !this.stopped ? this.imported(item, open.path) : null;
      if (item.kind === "import" && imported) imports.set(item, imported);
    }
    this.open.pop();
    const whole = tree && { ...tree, imports };
    this.trees.set(open.path, whole);
    return whole;
  }

  private parsed(file: SourceFile): SyntaxTree | null {
    try {
      const scanned = scanOrThrow(file);
      this.size += file.text.length;
      this.tokens += scanned.tokens.length;
      const { by } = this.open[this.open.length - 1];
      if (by !== null && (this.size > MAX_SIZE || this.tokens > MAX_TOKENS)) {
        this.stopped = true;
        return this.fail(errors.importsTooLarge({ size: MAX_SIZE, tokens: MAX_TOKENS }, by));
      }
      return parseScanned(file, scanned);
    } catch (error) {
      if (!(error instanceof CompileError)) throw error;
      this.diagnostics.push(...error.diagnostics.map((d) => ({ ...d, notes: [...d.notes, ...this.chain()] })));
      return null;
    }
  }

  /** The imports that led to the file at hand. */
  private chain(): Diagnostic["notes"] {
    const led = this.open.filter(({ by }) => by !== null).reverse();
    return led.map(({ name, by }) => ({ message: `\`${name}\` is imported here`, span: by }));
  }

  private imported({ path: { text, span } }: ImportItem, from: string): SyntaxTree | null {
    const resolved = resolvePath(from, text);
    if ("problem" in resolved) return this.fail(errors.importPath({ path: text, problem: resolved.problem }, span));
    const { path } = resolved;
    const name = `${this.folder}${path}`;
    const cycle = this.open.findIndex((open) => open.path === path);
    if (cycle !== -1) {
      const files = [...this.open.slice(cycle).map((open) => open.name), name].map((file) => `\`${file}\``);
      const notes = this.open
        .slice(cycle + 1)
        .map((open) => ({ message: `\`${open.name}\` is imported here`, span: open.by }));
      return this.fail(errors.importCycle({ files: files.join(" → ") }, span, { notes }));
    }
    const known = this.trees.get(path);
    if (known !== undefined) return known;
    if (this.trees.size + this.open.length >= MAX_FILES) {
      this.stopped = true;
      return this.fail(errors.tooManyImports({ limit: MAX_FILES }, span));
    }
    const content = this.files(path);
    if ("text" in content) return this.read({ path, name, by: span }, { name, text: content.text });
    this.trees.set(path, null);
    const candidates = (content.candidates ?? []).filter((other) => other.endsWith(SUFFIX));
    const meant = nearest(stem(path), candidates.map(stem));
    const help = meant === null ? undefined : `did you mean \`${relativePath(from, meant + SUFFIX)}\`?`;
    return this.fail(errors.importUnreadable({ path: name, problem: content.problem }, span, { help }));
  }

  private fail(diagnostic: Diagnostic): null {
    this.diagnostics.push(diagnostic);
    if (this.diagnostics.length >= MAX_DIAGNOSTICS) this.stopped = true;
    return null;
  }
}

/** A path as written in the file `from`, in normal form from the folder of the first file; or why it may not be used. */
function resolvePath(from: string, written: string): { readonly path: string } | { readonly problem: string } {
  if (/^(\/|~|[A-Za-z][\w+.-]*:)/.test(written)) return { problem: "it is absolute" };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (/[\\\u0000-\u001f\u007f]/.test(written)) return { problem: "it has characters that no path has here" };
  if (!written.endsWith(SUFFIX)) return { problem: "it does not end in `.model`" };
  const parts = from.split("/").slice(0, -1);
  for (const part of written.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return { problem: "it leads out of the folder of the model" };
  }
  return { path: parts.join("/") };
}

/** How the file `from` writes a path from the folder of the first file. */
function relativePath(from: string, path: string): string {
  const folders = from.split("/").slice(0, -1);
  const parts = path.split("/");
  let common = 0;
  while (common < folders.length && folders[common] === parts[common]) common++;
  return [...folders.slice(common).map(() => ".."), ...parts.slice(common)].join("/");
}
