/** How errors reach the user: diagnostics with their place, mistakes with their cure, bugs with a request. */
import { CompileError } from "../diagnostics.ts";
import { fileError, UserError } from "./errors.ts";
import type { Io } from "./io.ts";

/** Writes the error and gives the exit code. */
export function report(error: unknown, io: Io, json: boolean): number {
  const known = fileError(error, "the file system refused");
  if (known instanceof UserError) {
    writeUserError(known, io, json);
    return known.exitCode;
  }
  throw error;
}

function writeUserError({ code, message, help }: UserError, io: Io, json: boolean): void {
  if (json) io.stdout.write(`${JSON.stringify({ event: "error", code, message, help })}\n`);
  else io.stderr.write(`error: ${message}\n${help === undefined ? "" : `help: ${help}\n`}`);
}
