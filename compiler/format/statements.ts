/** Statements, clauses and arguments as documents. */
import { between, choiceParts, endsValue, isLeaf, isWord, leafText, pipeDoc, plainDoc } from "./expressions.ts";
import { type Doc, group, indent, line } from "./pretty.ts";
import { firstLeaf, type Leaf, lastLeaf, type Node } from "./tree.ts";

/** Where it stands: among the clauses of a model or in the file, in another block, or between commas. */
export type Place = "clause" | "statement" | "argument";

const ASSIGNMENTS: readonly string[] = ["=", "+=", "-=", "*=", "/=", "~"];

export function statementDoc(nodes: readonly Node[], place: Place): Doc {
  const at = nodes.findIndex((node) => ASSIGNMENTS.some((sign) => isLeaf(node, sign)));
  if (at !== -1) return assignmentDoc(nodes.slice(0, at), nodes[at] as Leaf, nodes.slice(at + 1));
  if (place === "statement" && isWord(nodes[0], "assert") && nodes.length > 1) return assertDoc(nodes);
  if (place === "clause" && isWord(nodes[0], "loss", "metric", "optimizer") && !isDefinition(nodes)) {
    const [word, ...rest] = nodes;
    return [leafText(word as Leaf), indent(between(word as Leaf, firstLeaf(rest[0]), " ")), pipeDoc(rest)];
  }
  if (
    isDefinition(nodes) ||
    place === "clause" ||
    (isWord(nodes[0], "if") && place === "statement" && !hasThen(nodes))
  ) {
    return plainDoc(nodes);
  }
  return pipeDoc(nodes);
}

/** `loss name(…) { … }`, and other words before a name. */
function isDefinition(nodes: readonly Node[]): boolean {
  const last = nodes.at(-1);
  const [, name] = nodes;
  const block = last?.kind === "bracket" && last.open.text === "{";
  return block && nodes.length <= 4 && nodes[0].kind === "leaf" && name.kind === "leaf" && name.type === "word";
}

const hasThen = (nodes: readonly Node[]): boolean => nodes.some((node) => isWord(node, "then"));

/** `let x = …`, `param w[…] ~ … if …`, `name = …` */
function assignmentDoc(left: readonly Node[], sign: Leaf, right: readonly Node[]): Doc {
  const before = between(lastLeaf(left[left.length - 1]), sign, " ");
  const start = [plainDoc(left), indent(before), leafText(sign)];
  const first = firstLeaf(right[0]);
  if (right.some((node) => isLeaf(node, "?")) && !right.some((node) => isLeaf(node, "|>"))) {
    return [...start, group(indent(between(sign, first, line), choiceParts(right)))];
  }
  const space = indent(between(sign, first, " "));
  const at = right.findIndex((node, i) => isWord(node, "if") && endsValue(right[i - 1]));
  if (at === -1) return [...start, space, pipeDoc(right)];
  const condition = indent(between(lastLeaf(right[at - 1]), firstLeaf(right[at]), " "));
  return [...start, space, pipeDoc(right.slice(0, at)), condition, plainDoc(right.slice(at))];
}

/** `assert condition, "message", "cure"` */
function assertDoc(nodes: readonly Node[]): Doc {
  const commas = nodes.flatMap((node, i) => (isLeaf(node, ",") ? [i] : []));
  const bounds = [0, ...commas, nodes.length];
  const parts = bounds.slice(1).map((end, i) => nodes.slice(bounds[i] + 1, end));
  const word = nodes[0] as Leaf;
  const [condition, ...texts] = parts;
  const more = texts.map((text, i): Doc => {
    const comma = nodes[commas[i]] as Leaf;
    const last = lastLeaf(parts[i][parts[i].length - 1]);
    return [between(last, comma, ""), leafText(comma), group(between(comma, firstLeaf(text[0]), line), plainDoc(text))];
  });
  return [leafText(word), indent(between(word, firstLeaf(condition[0]), " ")), pipeDoc(condition), indent(...more)];
}
