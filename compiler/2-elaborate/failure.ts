/** Errors on their way to what recovers from them. */
import type { Diagnostic } from "../diagnostics.ts";

/** One or several errors of one statement; a fatal one ends the elaboration. */
export class Failure extends Error {
  readonly diagnostics: readonly Diagnostic[];

  constructor(
    found: Diagnostic | readonly Diagnostic[],
    readonly fatal = false,
  ) {
    const diagnostics = [found].flat();
    super(diagnostics[0].message);
    this.diagnostics = diagnostics;
  }
}

/** What `run` gives, or undefined where it fails; `report` is given the errors. */
export function guarded<T>(report: { add(d: Diagnostic): void }, run: () => T): T | undefined {
  try {
    return run();
  } catch (e) {
    if (!(e instanceof Failure) || e.fatal) throw e;
    for (const diagnostic of e.diagnostics) report.add(diagnostic);
    return undefined;
  }
}

/** Runs all of these, whichever fail; then the errors of all are one failure. */
export function together<T>(runs: readonly (() => T)[]): T[] {
  const failed: Diagnostic[] = [];
  const values = runs.map((run) => guarded({ add: (d) => failed.push(d) }, run));
  if (failed.length > 0) throw new Failure(failed);
  return values as T[];
}
