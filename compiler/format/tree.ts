/** A file as brackets inside one another, with the comments and line ends that the grammar does not see. */
import type { Token } from "../1-parse/scan.ts";

/** A comment on a line of its own. */
export interface Comment {
  readonly text: string;
  /** An empty line stands before it. */
  readonly blank: boolean;
}

/** What stands around a token. */
export interface Trivia {
  /** Comments on lines of their own before it. */
  readonly before: readonly Comment[];
  /** A line ends between the token before and this one. */
  readonly newline: boolean;
  /** An empty line stands right before it. */
  readonly blank: boolean;
  /** The comment at the end of its line. */
  readonly after: string | null;
}

export interface Leaf extends Trivia {
  readonly kind: "leaf";
  readonly type: Token["kind"];
  readonly text: string;
}

export interface Bracket {
  readonly kind: "bracket";
  readonly open: Leaf;
  /** Of `(` and `[`: what stands between commas; of `{`: statements. */
  readonly parts: readonly Part[];
  readonly close: Leaf;
}

/** Nodes up to a comma or the end of a statement. */
export interface Part {
  readonly nodes: readonly Node[];
  /** The comma behind an argument. */
  readonly comma: Leaf | null;
}

export type Node = Leaf | Bracket;

export interface FileTree {
  readonly items: readonly Part[];
  /** Comments after the last token. */
  readonly end: readonly Comment[];
}

export function treeOf(text: string, tokens: readonly Token[]): FileTree {
  const { leaves, end } = withTrivia(text, tokens);
  return { items: new Reader(leaves).parts(null), end };
}

/** Tokens that are written, each with what stands around it; `;` where a statement ends. */
function withTrivia(text: string, tokens: readonly Token[]): { leaves: Leaf[]; end: readonly Comment[] } {
  const leaves: Leaf[] = [];
  let from = 0;
  let last = -1;
  for (const token of tokens) {
    if (token.kind === "separator") {
      leaves.push({
        kind: "leaf",
        type: "separator",
        text: ";",
        before: [],
        newline: false,
        blank: false,
        after: null,
      });
      continue;
    }
    const { after, before, newline, blank } = gap(text.slice(from, token.start), last === -1);
    if (last !== -1) leaves[last] = { ...leaves[last], after };
    leaves.push({ kind: "leaf", type: token.kind, text: token.text, before, newline, blank, after: null });
    last = leaves.length - 1;
    from = token.end;
  }
  const rest = gap(text.slice(from), last === -1);
  if (last !== -1) leaves[last] = { ...leaves[last], after: rest.after };
  return { leaves, end: rest.before };
}

/** The text between two tokens: blanks, line ends, comments, `;`. */
function gap(text: string, first: boolean): Omit<Trivia, "after"> & { after: string | null } {
  const lines = text.split("\n").map((line) => /\/\/.*/.exec(line)?.[0].trimEnd() ?? line.replaceAll(";", "").trim());
  const head = first ? "" : lines[0];
  const rest = first ? lines : lines.slice(1);
  const before: Comment[] = [];
  let blank = false;
  for (const [i, line] of rest.entries()) {
    const isLast = i === rest.length - 1;
    if (line !== "") {
      before.push({ text: line, blank });
      blank = false;
    } else if (!isLast) blank = true;
  }
  return { before, newline: rest.length > 0, blank, after: head === "" ? null : head };
}

class Reader {
  private at = 0;

  constructor(private readonly leaves: readonly Leaf[]) {}

  /** Up to the closing bracket, or the end. The settings of `train` are separated by commas or line ends. */
  parts(open: string | null, settings = false): Part[] {
    const parts: Part[] = [];
    const inRound = open === "(" || open === "[";
    let nodes: Node[] = [];
    for (let leaf = this.leaves[this.at]; leaf !== undefined; leaf = this.leaves[this.at]) {
      if (leaf.type === "symbol" && [")", "]", "}"].includes(leaf.text)) break;
      this.at++;
      const comma = leaf.type === "symbol" && leaf.text === ",";
      if (leaf.type === "separator" || (comma && (inRound || settings))) {
        if (comma && settings) nodes = withComments(nodes, leaf);
        if (nodes.length > 0) parts.push({ nodes, comma: comma && inRound ? leaf : null });
        nodes = [];
      } else if (leaf.type === "symbol" && ["(", "[", "{"].includes(leaf.text)) nodes.push(this.bracket(leaf, nodes));
      else nodes.push(leaf);
    }
    if (nodes.length > 0) parts.push({ nodes, comma: null });
    return parts;
  }

  private bracket(open: Leaf, before: readonly Node[]): Bracket {
    const [first] = before;
    const settings = open.text === "{" && before.length === 1 && first.kind === "leaf" && first.text === "train";
    const parts = this.parts(open.text, settings);
    return { kind: "bracket", open, parts, close: this.leaves[this.at++] };
  }
}

/** The comments around a comma that is not written go to what stands before it. */
function withComments(nodes: readonly Node[], comma: Leaf): Node[] {
  const comments = [...comma.before.map(({ text }) => text), ...(comma.after === null ? [] : [comma.after])];
  const last = nodes.at(-1);
  if (comments.length === 0 || last === undefined) return [...nodes];
  const add = (leaf: Leaf): Leaf => ({
    ...leaf,
    after: [...(leaf.after === null ? [] : [leaf.after]), ...comments].join("\n"),
  });
  return [...nodes.slice(0, -1), last.kind === "leaf" ? add(last) : { ...last, close: add(last.close) }];
}

export const firstLeaf = (node: Node): Leaf => (node.kind === "leaf" ? node : node.open);
export const lastLeaf = (node: Node): Leaf => (node.kind === "leaf" ? node : node.close);
