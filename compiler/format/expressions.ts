/** Expressions as documents: where they may break is said by the strength of their operators. */
import { blockDoc, listDoc } from "./brackets.ts";
import { type Doc, group, hardline, indent, line } from "./pretty.ts";
import { type Bracket, firstLeaf, type Leaf, lastLeaf, type Node } from "./tree.ts";

/** From the weakest. `-` and `±` may be signs too. */
const LEVELS: readonly ReadonlySet<string>[] = [
  new Set(["or"]),
  new Set(["and"]),
  new Set(["==", "!=", "<", "<=", ">", ">="]),
  new Set(["+", "-"]),
  new Set(["*", "/", "%", "@"]),
];
const SIGNS = new Set(["-", "±", "not"]);
/** Words that a value may follow, as it follows an operator. */
const WORDS = new Set(["if", "then", "else", "repeat", "and", "or", "not"]);

export const isLeaf = (node: Node | undefined, text: string): boolean =>
  node?.kind === "leaf" && node.type === "symbol" && node.text === text;
export const isWord = (node: Node | undefined, ...texts: readonly string[]): boolean =>
  node?.kind === "leaf" && node.type === "word" && texts.includes(node.text);

/** Whether a value ends here, so that `-` behind it subtracts and `(` behind it calls. */
export function endsValue(node: Node | undefined): boolean {
  if (node === undefined) return false;
  if (node.kind === "bracket") return true;
  return node.type === "word" ? !WORDS.has(node.text) : node.type === "number" || node.type === "string";
}

/** `label:` at the beginning of a step. */
function labelLength(nodes: readonly Node[]): number {
  const [name, colon] = nodes;
  return name?.kind === "leaf" && (name.type === "word" || name.type === "number") && isLeaf(colon, ":") ? 2 : 0;
}

/** Steps with `|>` between them. A line end that the file has before one stays; others come where they are needed. */
export function pipeDoc(nodes: readonly Node[]): Doc {
  const steps = splitPipes(nodes);
  const [first, ...rest] = steps.map(({ body }) => stepDoc(body));
  const more = rest.map((step, i): Doc => {
    const { pipe } = steps[i + 1];
    const end = pipe!.newline ? hardline : line;
    return group(
      between(lastOf(steps[i].body), pipe!, end),
      leafText(pipe!),
      between(pipe!, firstLeaf(steps[i + 1].body[0]), " "),
      step,
    );
  });
  return rest.length === 0 ? first : [first, indent(...more)];
}

interface PipeStep {
  readonly pipe: Leaf | null;
  readonly body: readonly Node[];
}

/** What follows `else` takes all pipes behind it. */
function splitPipes(nodes: readonly Node[]): PipeStep[] {
  const steps: { pipe: Leaf | null; body: Node[] }[] = [{ pipe: null, body: [] }];
  for (const node of nodes) {
    const { body } = steps[steps.length - 1];
    const choice = isWord(body[labelLength(body)], "if");
    if (isLeaf(node, "|>") && !choice) steps.push({ pipe: node as Leaf, body: [] });
    else body.push(node);
  }
  return steps;
}

function stepDoc(nodes: readonly Node[]): Doc {
  const label = labelLength(nodes);
  if (label === 0) return choiceDoc(nodes);
  const [name, colon] = nodes as [Leaf, Leaf];
  const [before, after] = [between(name, colon, ""), between(colon, firstLeaf(nodes[2]), " ")];
  return [leafText(name), indent(before), leafText(colon), indent(after), choiceDoc(nodes.slice(2))];
}

/** `if c then a else b`, `c ? a : b`; in a broken one each `else` and `:` begins a line. */
function choiceDoc(nodes: readonly Node[]): Doc {
  if (isWord(nodes[0], "repeat")) return plainDoc(nodes);
  const chooses = isWord(nodes[0], "if") || nodes.some((node) => isLeaf(node, "?"));
  return chooses ? group(indent(choiceParts(nodes))) : operationDoc(nodes, 0);
}

export function choiceParts(nodes: readonly Node[]): Doc {
  if (isWord(nodes[0], "if")) {
    const then = matching(nodes, 1, "then");
    const otherwise = then === -1 ? -1 : matching(nodes, then + 1, "else");
    if (otherwise !== -1) {
      const [condition, yes, no] = [nodes.slice(1, then), nodes.slice(then + 1, otherwise), nodes.slice(otherwise + 1)];
      const word = (node: Node, body: readonly Node[], doc: Doc): Doc => [
        leafText(node as Leaf),
        between(node as Leaf, firstLeaf(body[0]), " "),
        doc,
      ];
      return [
        word(nodes[0], condition, pipeDoc(condition)),
        between(lastOf(condition), nodes[then] as Leaf, line),
        word(nodes[then], yes, pipeDoc(yes)),
        between(lastOf(yes), nodes[otherwise] as Leaf, line),
        word(nodes[otherwise], no, isWord(no[0], "if") ? choiceParts(no) : pipeDoc(no)),
      ];
    }
  }
  const question = nodes.findIndex((node) => isLeaf(node, "?"));
  const colon = question === -1 ? -1 : matchingColon(nodes, question);
  if (colon === -1) return operationDoc(nodes, 0);
  const [condition, yes, no] = [nodes.slice(0, question), nodes.slice(question + 1, colon), nodes.slice(colon + 1)];
  const [q, c] = [nodes[question] as Leaf, nodes[colon] as Leaf];
  return [
    group(
      operationDoc(condition, 0),
      indent(between(lastOf(condition), q, line)),
      leafText(q),
      between(q, firstLeaf(yes[0]), " "),
      yes.some((node) => isLeaf(node, "?")) ? group(indent(choiceParts(yes))) : operationDoc(yes, 0),
    ),
    between(lastOf(yes), c, line),
    leafText(c),
    between(c, firstLeaf(no[0]), " "),
    choiceParts(no),
  ];
}

/** The `then` or `else` that belongs to an `if` before `from`. */
function matching(nodes: readonly Node[], from: number, word: "then" | "else"): number {
  let open = 0;
  for (let i = from; i < nodes.length; i++) {
    if (isWord(nodes[i], "if")) open++;
    else if (isWord(nodes[i], word) && open-- === 0) return i;
  }
  return -1;
}

function matchingColon(nodes: readonly Node[], question: number): number {
  let open = 0;
  for (let i = question + 1; i < nodes.length; i++) {
    if (isLeaf(nodes[i], "?")) open++;
    else if (isLeaf(nodes[i], ":") && open-- === 0) return i;
  }
  return -1;
}

/** Operators of one level, each of which may begin a line. */
function operationDoc(nodes: readonly Node[], level: number): Doc {
  if (level === LEVELS.length) return plainDoc(nodes);
  const at = nodes.flatMap((node, i) =>
    node.kind === "leaf" && LEVELS[level].has(node.text) && endsValue(nodes[i - 1]) ? [i] : [],
  );
  if (at.length === 0) return operationDoc(nodes, level + 1);
  const bounds = [...at, nodes.length];
  const first = operationDoc(nodes.slice(0, at[0]), level + 1);
  const more = at.map((i, k): Doc => {
    const operator = nodes[i] as Leaf;
    const operand = nodes.slice(i + 1, bounds[k + 1]);
    const space = between(operator, firstLeaf(operand[0]), " ");
    return group(
      between(lastLeaf(nodes[i - 1]), operator, line),
      leafText(operator),
      space,
      operationDoc(operand, level + 1),
    );
  });
  return [first, indent(...more)];
}

/** Nodes one after the other, without a place to break but inside of brackets. */
export function plainDoc(nodes: readonly Node[]): Doc {
  return nodes.map((node, i): Doc => {
    const before = nodes[i - 1];
    const space =
      before === undefined ? "" : between(lastLeaf(before), firstLeaf(node), spaceBetween(nodes[i - 2], before, node));
    return [indent(space), node.kind === "leaf" ? leafText(node) : bracketDoc(node, nodes[0])];
  });
}

/** `word`: how the statement begins, as that of a model or the settings of `train`. */
function bracketDoc(bracket: Bracket, word: Node): Doc {
  if (bracket.open.text !== "{") return listDoc(bracket);
  return blockDoc(bracket, isWord(word, "model") ? "clause" : "statement", isWord(word, "train") ? "," : ";");
}

function spaceBetween(beforeThat: Node | undefined, before: Node, node: Node): Doc {
  if (isLeaf(node, ".") || isLeaf(before, ".")) return "";
  if (isLeaf(node, ":") || isLeaf(node, ",")) return "";
  if (before.kind === "leaf" && SIGNS.has(before.text) && before.text !== "not" && !endsValue(beforeThat)) return "";
  if (node.kind === "bracket" && node.open.text !== "{") return endsValue(before) ? "" : " ";
  return " ";
}

/** The space between two tokens, or the line end that a comment between them needs. */
export function between(before: Leaf, next: Leaf, space: Doc): Doc {
  if (before.after === null && next.before.length === 0) return space;
  return [hardline, ...next.before.map(({ text }): Doc => [text, hardline])];
}

const lastOf = (nodes: readonly Node[]): Leaf => lastLeaf(nodes[nodes.length - 1]);

/** With the comment at the end of its line; whoever writes on must begin a new one. */
export function leafText(leaf: Leaf): Doc {
  if (leaf.after === null) return leaf.text;
  const [first, ...rest] = leaf.after.split("\n");
  return [leaf.text, " ", first, ...rest.map((text): Doc => [hardline, text])];
}
