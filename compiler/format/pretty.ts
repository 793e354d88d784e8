/**
 * Documents that fit themselves to the width of a page, after Wadler, "A prettier printer" (2003): a group is laid out on one
 * line if it fits, else each of its own lines breaks.
 */

export type Doc =
  | string
  | readonly Doc[]
  /** A line end in a broken group; `flat` otherwise. */
  | { readonly kind: "line"; readonly flat: string }
  /** A line end wherever it stands: the groups around it break. */
  | { readonly kind: "hardline"; readonly blank: boolean }
  | { readonly kind: "group"; readonly body: Doc }
  /** Line ends inside are indented by one level more. */
  | { readonly kind: "indent"; readonly body: Doc }
  /** Levels inside count from the indentation of the line on which this begins. */
  | { readonly kind: "rebase"; readonly body: Doc }
  /** What stands only in a broken group. */
  | { readonly kind: "broken"; readonly text: string };

export const line: Doc = { kind: "line", flat: " " };
export const softline: Doc = { kind: "line", flat: "" };
export const hardline: Doc = { kind: "hardline", blank: false };
/** With an empty line between. */
export const blankline: Doc = { kind: "hardline", blank: true };
export const group = (...body: Doc[]): Doc => ({ kind: "group", body });
export const indent = (...body: Doc[]): Doc => ({ kind: "indent", body });
export const rebase = (...body: Doc[]): Doc => ({ kind: "rebase", body });
export const ifBroken = (text: string): Doc => ({ kind: "broken", text });

const LEVEL = 2;

interface Task {
  readonly doc: Doc;
  readonly indentation: number;
  readonly flat: boolean;
}

export function print(doc: Doc, width: number): string {
  const forced = new Map<Doc, boolean>();
  const tasks: Task[] = [{ doc, indentation: 0, flat: false }];
  const out: string[] = [];
  let column = 0;
  /** Of the line being written. */
  let current = 0;
  const newline = (indentation: number, blank: boolean): void => {
    out.push(blank ? "\n\n" : "\n", " ".repeat(indentation));
    column = indentation;
    current = indentation;
  };
  for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) {
    const { doc: d, indentation, flat } = task;
    if (typeof d === "string") {
      out.push(d);
      column += d.length;
    } else if (isList(d)) {
      for (let i = d.length - 1; i >= 0; i--) tasks.push({ ...task, doc: d[i] });
    } else if (d.kind === "line") {
      if (!flat) newline(indentation, false);
      else tasks.push({ ...task, doc: d.flat });
    } else if (d.kind === "hardline") newline(indentation, d.blank);
    else if (d.kind === "indent") tasks.push({ ...task, doc: d.body, indentation: indentation + LEVEL });
    else if (d.kind === "rebase") tasks.push({ ...task, doc: d.body, indentation: current });
    else if (d.kind === "broken") {
      if (!flat) tasks.push({ ...task, doc: d.text });
    } else {
      const fitting =
        flat || (!breaks(d.body, forced) && fits({ ...task, doc: d.body, flat: true }, tasks, width - column));
      tasks.push({ ...task, doc: d.body, flat: fitting });
    }
  }
  // An indented empty line would end in blanks.
  return out.join("").replace(/[^\S\n]+$/gm, "");
}

const isList = (doc: Doc): doc is readonly Doc[] => Array.isArray(doc);

/** Whether a line end must stand inside. */
function breaks(doc: Doc, known: Map<Doc, boolean>): boolean {
  if (typeof doc === "string") return false;
  const found = known.get(doc);
  if (found !== undefined) return found;
  const inner = isList(doc) ? doc : "body" in doc ? [doc.body] : [];
  const result = (!isList(doc) && doc.kind === "hardline") || inner.some((d) => breaks(d, known));
  known.set(doc, result);
  return result;
}

/** Whether the task, and what follows it up to the next possible line end, has no more than `room` characters. */
function fits(task: Task, rest: readonly Task[], room: number): boolean {
  const tasks: Task[] = [task];
  let left = room;
  for (let next = rest.length; left >= 0; ) {
    const top = tasks.pop() ?? rest[--next];
    if (top === undefined) return true;
    const { doc, flat } = top;
    if (typeof doc === "string") left -= doc.length;
    else if (isList(doc)) for (let i = doc.length - 1; i >= 0; i--) tasks.push({ ...top, doc: doc[i] });
    else if (doc.kind === "hardline") return true;
    else if (doc.kind === "line") {
      if (!flat) return true;
      left -= doc.flat.length;
    } else if (doc.kind === "broken") left -= flat ? 0 : doc.text.length;
    else tasks.push({ ...top, doc: doc.body });
  }
  return false;
}
