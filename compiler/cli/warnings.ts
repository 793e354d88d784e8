/** `--allow CODE` and `--deny CODE`: which warnings are hidden, and which are errors. */
import type { Command } from "commander";
import { CompileError, type Diagnostic, nearest } from "../diagnostics.ts";
import { warningCodes } from "../errors.ts";
import { UsageError } from "./errors.ts";

export interface WarningOptions {
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
}

/** Stands for all of them. */
const ALL = "warnings";

const append = (code: string, before: readonly string[] = []): readonly string[] => [...before, code];

export function addWarningOptions(command: Command): Command {
  return command
    .option("--allow <code>", "hide warnings of this code (repeatable)", append)
    .option(
      "--deny <code>",
      "make warnings of this code errors; all of them with --deny warnings (repeatable)",
      append,
    );
}

/** The warnings to show; throws where one is denied. A code that is allowed is hidden whatever is denied. */
export function heeded(
  warnings: readonly Diagnostic[],
  { allow = [], deny = [] }: WarningOptions,
): readonly Diagnostic[] {
  const known = warningCodes();
  for (const code of allow) checkCode(code, known);
  for (const code of deny) checkCode(code, [...known, ALL]);
  const denied = (code: string): boolean => deny.includes(code) || deny.includes(ALL);
  const shown = warnings
    .filter(({ code }) => !allow.includes(code))
    .map((warning): Diagnostic => (denied(warning.code) ? { ...warning, severity: "error" } : warning));
  if (shown.some(({ severity }) => severity === "error")) throw new CompileError(shown);
  return shown;
}

function checkCode(code: string, known: readonly string[]): void {
  if (known.includes(code)) return;
  const near = nearest(code, known);
  const help = near === null ? `The codes are ${known.join(", ")}.` : `Did you mean ${near}?`;
  throw new UsageError(`there is no warning ${code}`, help);
}
