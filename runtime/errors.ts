/** What the runtime throws when the caller, the data or a file is at fault: the message says what and where, and the cure. */

export type ErrorCode =
  | "options"
  | "input"
  | "dataset"
  | "safetensors"
  | "weights"
  | "non-finite"
  | "artifact"
  | "threads"
  | "disposed";

export class TrainerError extends Error {
  // Written out, as minifying renames the classes.
  static override readonly name: string = "TrainerError";

  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
    this.name = new.target.name;
  }
}

/** A kernel wrote a NaN or an infinity (only in models compiled to check for it). */
export class NonFiniteError extends TrainerError {
  static override readonly name = "NonFiniteError";

  constructor(
    /** The tensor, such as `conv1`, or `input image`. */
    readonly label: string,
    /** Where the model computes it: `file:line:column`. */
    readonly place: string,
    /** Null where the program was given the value. */
    readonly kernel: string | null,
    readonly program: string,
    /** The number of the step, from 1. */
    readonly step: number,
  ) {
    super(
      "non-finite",
      `step ${step}: the first value that is not finite is in ${label} (${place}), ${kernel === null ? "given to" : `written by ${kernel} in`} ${program}`,
    );
  }
}

/** `; did you mean "conv1"?`, or nothing when no name is near. */
export function suggestion(name: string, known: Iterable<string>): string {
  let best = "";
  let least = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best && `; did you mean "${best}"?`;
}

/** Levenshtein's distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}
