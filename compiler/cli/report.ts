/** How errors reach the user: diagnostics with their place, mistakes with their cure, bugs with a request. */
import { TrainerError } from "../../runtime/index.ts";
import { CompileError, type Diagnostic } from "../diagnostics.ts";
import { diagnosticJson, renderDiagnostic } from "../diagnostics-text.ts";
import { Failed, fileError, UserError } from "./errors.ts";
import type { Io } from "./io.ts";
import { styles } from "./styles.ts";
import { jsonLine } from "./training/events.ts";

/** Writes the error and gives the exit code. */
export function report(error: unknown, io: Io, json: boolean): number {
  if (error instanceof CompileError) {
    writeDiagnostics(error.diagnostics, io, json);
    return 1;
  }
  if (error instanceof Failed) return error.exitCode;
  const known = asUserError(error);
  if (known !== null) writeUserError(known, io, json);
  else writeBug(error, io);
  return known?.exitCode ?? 1;
}

export function writeDiagnostics(diagnostics: readonly Diagnostic[], io: Io, json = false): void {
  const color = styles(io).enabled;
  for (const diagnostic of diagnostics) {
    if (json) io.stdout.write(jsonLine({ event: "diagnostic", ...diagnosticJson(diagnostic) }));
    else io.stderr.write(`${renderDiagnostic(diagnostic, { color })}\n`);
  }
}

function asUserError(error: unknown): UserError | null {
  if (error instanceof TrainerError) return new UserError(error.code, error.message);
  const known = fileError(error, "the file system refused");
  return known instanceof UserError ? known : null;
}

function writeUserError({ code, message, help }: UserError, io: Io, json: boolean): void {
  if (json) {
    io.stdout.write(jsonLine({ event: "error", code, message, help }));
    return;
  }
  const { red, cyan, bold } = styles(io);
  if (code === "interrupted") {
    io.stderr.write(`${message}\n`);
    return;
  }
  io.stderr.write(`${red("error")}${bold(`: ${message}`)}\n${help === undefined ? "" : `${cyan("help")}: ${help}\n`}`);
}

function writeBug(error: unknown, io: Io): void {
  const stack = error instanceof Error ? error.stack : String(error);
  io.stderr.write(
    `This is a bug in mlc, not a mistake of yours. Please report it with the model and what follows.\n${stack}\n`,
  );
}
