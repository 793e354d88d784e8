/**
 * The first look at a file, in one pass and without recursion: finds what no grammar is needed for (stray characters, open
 * strings, brackets that do not match, nesting too deep for any model), blanks comments, decides which line ends end a
 * statement, and cuts the file into items. Offsets stay what they are in the file.
 */
import type { Diagnostic, SourceFile, Span } from "../diagnostics.ts";
import * as errors from "../errors.ts";

export interface Scan {
  /** The text with comments and other blank characters as spaces; ";" for every line end that ends a statement. */
  readonly masked: string;
  readonly tokens: readonly Token[];
  /** Stretches of `masked` that hold one top-level item each. */
  readonly items: readonly { readonly start: number; readonly end: number }[];
  /** `///` comments by the offset of the token that follows them. */
  readonly docs: ReadonlyMap<number, string>;
  readonly diagnostics: readonly Diagnostic[];
}

export interface Token {
  readonly kind: "word" | "number" | "string" | "symbol" | "separator";
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Braces open around the token; a brace itself counts as inside. */
  readonly braces: number;
}

/** Brackets and conditions inside one another: the grammar's matching recurses this deep. */
export const MAX_NESTING = 40;
/** Tokens of an expression without a comma, the longest part of each bracket counted in: no syntax tree is deeper. */
const MAX_EXPRESSION = 500;
/** Words, numbers and symbols of a file: some thousand lines, and what the grammar's matching takes a second for. */
export const MAX_TOKENS = 10_000;
const MAX_TOKEN_LENGTH = 1000;
const MAX_DIAGNOSTICS = 20;

const CLOSING: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };
/** A line end after these does not end a statement … */
const CONTINUES_AFTER = new Set(
  "= == != < <= > >= + - * / % ^ @ ? : , ; . ~ | |> ± += -= *= /= ( [ { then else and or not".split(" "),
);
/** … nor before these. */
const CONTINUES_BEFORE = new Set(
  "= == != < <= > >= + * / % ^ @ ? : , . ~ | |> += -= *= /= ) ] { then else and or".split(" "),
);

const LEXEMES = new RegExp(
  [
    /(?<blank>(?:[^\S\r\n]|\r(?=\n))+|\/\/[^\r\n]*)/u,
    /(?<newline>\n)/u,
    /(?<word>[\p{L}_][\p{L}\d_]*)/u,
    /(?<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/u,
    /(?<string>"[^"\n]*")/u,
    /(?<symbol>\|>|[=!<>]=|[-+*/]=|[-+*/%@^<>=?:,;.~|±(){}[\]])/u,
    /(?<open>"[^"\n]*)/u,
    /(?<stray>[^\s\p{L}\d_"\-+*/%@^<>=?:,;.~|±(){}[\]]+|\r|.)/su,
  ]
    .map((r) => r.source)
    .join("|"),
  "uy",
);

interface Open {
  readonly bracket: string;
  readonly at: number;
  /** `if` and `?` begun since the last comma, pipe or statement end at this level: they nest as brackets do. */
  choices: number;
  /** Tokens since then, and the most there were. */
  length: number;
  longest: number;
  /** Where in its line the statement begins. */
  column: number;
}

const openAt = (bracket: string, at: number): Open => ({ bracket, at, choices: 0, length: 0, longest: 0, column: 0 });

export function scan(file: SourceFile): Scan {
  return new Scanner(file).run();
}

class Scanner {
  private readonly tokens: Token[] = [];
  private readonly docs = new Map<number, string>();
  private readonly diagnostics: Diagnostic[] = [];
  private readonly opened: Open[] = [openAt("", 0)];
  private readonly masked: string[] = [];
  private braces = 0;
  private pendingDoc: string[] = [];
  private pendingNewline: number | null = null;
  /** The offset of the current line. */
  private lineStart = 0;
  /** Set where what follows would be guesswork: after a bracket that does not match, or too many errors. */
  private stopped = false;

  constructor(private readonly file: SourceFile) {}

  run(): Scan {
    const lexeme = new RegExp(LEXEMES);
    const { text } = this.file;
    while (lexeme.lastIndex < text.length && !this.stopped) {
      const start = lexeme.lastIndex;
      const groups = lexeme.exec(text)!.groups!;
      this.lexeme(groups, start, lexeme.lastIndex);
    }
    if (this.diagnostics.length === 0) this.unclosed();
    const masked = this.masked.join("");
    const { tokens, docs, diagnostics } = this;
    return { masked, tokens, docs, diagnostics, items: items(tokens) };
  }

  private lexeme(groups: Record<string, string | undefined>, start: number, end: number): void {
    if (groups.blank !== undefined) {
      if (groups.blank.startsWith("///")) this.pendingDoc.push(groups.blank.slice(3).replace(/^ /, ""));
      this.masked.push(" ".repeat(end - start));
    } else if (groups.newline !== undefined) {
      this.pendingNewline ??= this.masked.length;
      this.lineStart = end;
      this.masked.push(" ");
    } else if (groups.open !== undefined) {
      this.report(errors.unterminatedText({}, this.span(start, end)));
    } else if (groups.stray !== undefined) {
      this.report(strayCharacters(groups.stray, this.span(start, end)));
      // The whole text is one line then.
      this.stopped ||= groups.stray === "\r";
    } else {
      const kind = (["word", "number", "string", "symbol"] as const).find((k) => groups[k] !== undefined)!;
      this.token(kind, groups[kind]!, start, end);
    }
  }

  private token(kind: Token["kind"], text: string, start: number, end: number): void {
    this.lineEnd(text, start);
    const previous = this.tokens.at(-1);
    if (!previous || previous.kind === "separator" || previous.text === "{") this.top.column = start - this.lineStart;
    this.masked.push(kind === "symbol" && text === ";" ? ";" : this.file.text.slice(start, end));
    if (this.pendingDoc.length > 0) this.docs.set(start, this.pendingDoc.join("\n"));
    this.pendingDoc = [];
    if (kind === "symbol" && text !== "}") this.bracket(text, start, end);
    if (text === "if" || text === "?") this.nest(start, end);
    if (text === "," || text === ";" || text === "|>") this.endExpression();
    this.push(text === ";" ? "separator" : kind, text, start, end);
    if (text === "}") this.bracket(text, start, end);
    this.lengthen(1, start, end);
  }

  /** Turns the line end before the token into a separator where it ends a statement. */
  private lineEnd(next: string, at: number): void {
    const mark = this.pendingNewline;
    this.pendingNewline = null;
    const previous = this.tokens.at(-1);
    if (mark === null || previous === undefined || this.top.bracket === "(" || this.top.bracket === "[") return;
    if (CONTINUES_AFTER.has(previous.text) || CONTINUES_BEFORE.has(next)) return;
    // A line may begin with a negative value; indented deeper than the statement above, it goes on with that.
    if (next === "-" && at - this.lineStart > this.top.column) return;
    this.masked[mark] = ";";
    this.endExpression();
    this.push("separator", ";", Math.min(previous.end, at), Math.min(previous.end, at));
  }

  private bracket(text: string, start: number, end: number): void {
    if (text in CLOSING) {
      this.opened.push(openAt(text, start));
      if (text === "{") this.braces++;
      this.nest(start, end, 0);
    } else if (text === ")" || text === "]" || text === "}") {
      const open = this.opened.length > 1 ? this.opened.pop()! : null;
      if (text === "}") this.braces--;
      if (open !== null) this.lengthen(Math.max(open.longest, open.length), start, end);
      this.stopped ||= open === null || CLOSING[open.bracket] !== text;
      if (open === null) {
        this.report(errors.unmatchedBracket({ bracket: text }, this.span(start, end)));
      } else if (CLOSING[open.bracket] !== text) {
        const note = { message: `this \`${open.bracket}\` is open`, span: this.span(open.at, open.at + 1) };
        this.report(
          errors.mismatchedBracket({ found: text, expected: CLOSING[open.bracket] }, this.span(start, end), {
            notes: [note],
          }),
        );
      }
    }
  }

  private nest(start: number, end: number, more = 1): void {
    this.top.choices += more;
    const depth = this.opened.reduce((sum, open) => sum + 1 + open.choices, -1);
    if (depth <= MAX_NESTING) return;
    this.report(errors.nestedTooDeeply({ limit: MAX_NESTING }, this.span(start, end)));
    this.stopped = true;
  }

  private endExpression(): void {
    const { top } = this;
    top.longest = Math.max(top.longest, top.length);
    top.length = 0;
    top.choices = 0;
  }

  private lengthen(by: number, start: number, end: number): void {
    this.top.length += by;
    if (this.top.length <= MAX_EXPRESSION || this.stopped) return;
    this.report(errors.expressionTooLong({ limit: MAX_EXPRESSION }, this.span(start, end)));
    this.stopped = true;
  }

  private unclosed(): void {
    const open = this.top;
    if (open.bracket === "") return;
    const span = this.span(open.at, open.at + 1);
    this.report(errors.unclosedBracket({ bracket: open.bracket, closing: CLOSING[open.bracket] }, span));
  }

  private get top(): Open {
    return this.opened[this.opened.length - 1];
  }
  private push(kind: Token["kind"], text: string, start: number, end: number): void {
    if (text.length > MAX_TOKEN_LENGTH) {
      this.report(errors.tokenTooLong({ length: text.length, limit: MAX_TOKEN_LENGTH }, this.span(start, end)));
    }
    if (this.tokens.length === MAX_TOKENS) {
      this.report(errors.tooManyTokens({ limit: MAX_TOKENS }, this.span(start, end)));
      this.stopped = true;
    }
    if (kind === "number") this.number(text, start, end);
    this.tokens.push({ kind, text, start, end, braces: this.braces });
  }
  private number(text: string, start: number, end: number): void {
    const value = Number(text);
    const isLost = value === 0 && /^[^eE]*[1-9]/.test(text);
    if (Number.isFinite(value) && !isLost) return;
    const what = text.length > 40 ? `${text.slice(0, 40)}…` : text;
    const side = isLost ? "too near to 0 to be told from it" : "too large: numbers end at 1.8e308";
    this.report(errors.numberOutOfRange({ what, side }, this.span(start, end)));
  }
  private span(start: number, end: number): Span {
    return { file: this.file, start, end };
  }
  private report(diagnostic: Diagnostic): void {
    this.diagnostics.push(diagnostic);
    if (this.diagnostics.length >= MAX_DIAGNOSTICS) this.stopped = true;
  }
}

/** The stretches between separators outside all brackets. */
function items(tokens: readonly Token[]): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  let open: { start: number; end: number } | null = null;
  for (const token of tokens) {
    if (token.kind === "separator" && token.braces === 0) {
      open = null;
    } else if (open === null) {
      open = { start: token.start, end: token.end };
      found.push(open);
    } else {
      open.end = token.end;
    }
  }
  return found;
}

/** Characters that people bring along from other languages. */
const CURES: readonly (readonly [begins: RegExp, help: string])[] = [
  [/^\r/, "end lines with a line feed (\\n, or \\r\\n)"],
  [/^#/, "comments begin with `//`"],
  [/^['\u2018-\u201f`]/, 'texts are written in double quotes: "…"'],
  [/^&/, "write `and`"],
  [/^!/, "write `not`"],
  [/^\\/, "an expression goes on in the next line after an operator, or inside brackets"],
];

function strayCharacters(text: string, span: Span): Diagnostic {
  const visible = text.replace(
    /[\p{C}\p{Z}]/gu,
    (c) => `U+${c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")} `,
  );
  const shown = visible.length > 40 ? `${visible.slice(0, 40)}…` : visible.trimEnd();
  const [, help] = CURES.find(([begins]) => begins.test(text)) ?? [];
  return errors.strayCharacter({ text: shown }, span, { help });
}
