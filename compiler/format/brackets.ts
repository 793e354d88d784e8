/** Brackets as documents: arguments fill lines, statements stand one below the other. */
import { between, leafText } from "./expressions.ts";
import { blankline, type Doc, group, hardline, ifBroken, indent, line, rebase, softline } from "./pretty.ts";
import { type Place, statementDoc } from "./statements.ts";
import { type Bracket, type Comment, firstLeaf, type Leaf, lastLeaf, type Part } from "./tree.ts";

const firstOf = (part: Part): Leaf => firstLeaf(part.nodes[0]);
const lastOf = (part: Part): Leaf => lastLeaf(part.nodes[part.nodes.length - 1]);

/** `(a, b)`: where the line is too short, as many to a line as fit, with a comma at the end. */
export function listDoc({ open, parts, close }: Bracket): Doc {
  if (parts.length === 0) return [leafText(open), between(open, close, ""), leafText(close)];
  const items = parts.map((part, i): Doc => {
    const body = statementDoc(part.nodes, "argument");
    const { comma } = part;
    if (i === parts.length - 1 && !hasComment(comma)) return body;
    return [body, between(lastOf(part), comma!, ""), leafText(comma!)];
  });
  const filled = items.map((item, i): Doc => {
    if (i === 0) return [between(open, firstOf(parts[0]), softline), item];
    return group(between(parts[i - 1].comma!, firstOf(parts[i]), line), item);
  });
  const last = parts[parts.length - 1];
  const end = hasComment(last.comma) ? last.comma! : lastOf(last);
  // What stands in brackets alone may be no argument, but an expression: a comma would be wrong there.
  const comma = parts.length > 1 && end !== last.comma && end.after === null ? ifBroken(",") : "";
  return rebase(group(leafText(open), indent(filled, comma), beforeClose(end, close, softline), leafText(close)));
}

const hasComment = (comma: Leaf | null): boolean => comma !== null && (comma.after !== null || comma.before.length > 0);

/** `{ … }`: on one line if the file has it so and it fits. */
export function blockDoc({ open, parts, close }: Bracket, place: Place, separator: "," | ";"): Doc {
  if (parts.length === 0) return rebase(leafText(open), beforeClose(open, close, ""), leafText(close));
  const apart = close.newline || parts.some((part) => firstOf(part).newline || lastOf(part).after !== null);
  const end = apart ? hardline : line;
  const [first] = parts;
  const start = [...commentLines(firstOf(first).before, true), end, statementDoc(first.nodes, place)];
  const more = parts.slice(1).map((part, i) => nextDoc(parts[i], part, place, apart, separator));
  return rebase(
    group(
      leafText(open),
      indent(start, ...more),
      beforeClose(lastOf(parts[parts.length - 1]), close, end),
      leafText(close),
    ),
  );
}

/** A statement after another one: below it, or beside it if it stands so in a block of several lines. */
function nextDoc(before: Part, part: Part, place: Place, apart: boolean, separator: "," | ";"): Doc {
  const first = firstOf(part);
  const body = statementDoc(part.nodes, place);
  const beside: Doc = { kind: "line", flat: `${separator} ` };
  if (!apart) return [beside, body];
  if (!first.newline && lastOf(before).after === null) return group(beside, body);
  return [...commentLines(first.before, false), first.blank ? blankline : hardline, body];
}

/** Each on its line. */
function commentLines(comments: readonly Comment[], first: boolean): Doc[] {
  return comments.map(({ text, blank }, i): Doc => [blank && !(first && i === 0) ? blankline : hardline, text]);
}

function beforeClose(last: Leaf, close: Leaf, end: Doc): Doc {
  if (close.before.length > 0) return [indent(...commentLines(close.before, false)), hardline];
  return last.after === null ? end : hardline;
}

/** The items of a file. */
export function fileDoc(items: readonly Part[], end: readonly Comment[]): Doc {
  const body = items.map((part, i): Doc => {
    if (i > 0) return nextDoc(items[i - 1], part, "clause", true, ";");
    const comments = firstOf(part).before.map(
      ({ text, blank }, k): Doc => [blank && k > 0 ? hardline : "", text, hardline],
    );
    return [
      ...comments,
      firstOf(part).blank && comments.length > 0 ? hardline : "",
      statementDoc(part.nodes, "clause"),
    ];
  });
  const [first, ...rest] = items.length === 0 ? end : [];
  const alone: Doc = first ? [first.text, ...commentLines(rest, false)] : "";
  return [
    ...body,
    alone,
    ...(items.length === 0 ? [] : commentLines(end, false)),
    items.length + end.length === 0 ? "" : hardline,
  ];
}
