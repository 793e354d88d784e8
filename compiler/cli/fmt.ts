/** `mlc fmt`: files in their canonical form. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { format } from "../format/format.ts";
import { Failed, fileError } from "./errors.ts";
import { writeAtomically } from "./files.ts";
import type { Io } from "./io.ts";
import { readModel } from "./model.ts";
import { report } from "./report.ts";

interface FmtOptions {
  readonly check?: boolean;
}

export function addFmt(program: Command, io: Io): void {
  program
    .command("fmt")
    .description("format models: one canonical form; comments and meaning stay")
    .argument("<file...>", "the .model files, or folders of them; - reads stdin and writes stdout")
    .option("--check", "change nothing; list the files that are not formatted and exit with 1")
    .action(async (paths: string[], options: FmtOptions) => {
      let failed = false;
      for (const path of paths) {
        for (const file of filesOf(path, io)) failed = !(await formatFile(file, options, io)) || failed;
      }
      if (failed) throw new Failed(1);
    });
}

/** The file itself; of a folder, the models in it and below. */
function filesOf(path: string, io: Io): string[] {
  if (path === "-") return [path];
  try {
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path];
    const names = readdirSync(path, { recursive: true, encoding: "utf8" });
    const files = names.filter(
      (name) => name.endsWith(".model") && !/(^|[\\/])(node_modules|\.[^\\/]*)[\\/]/.test(name),
    );
    if (files.length === 0) io.stderr.write(`${path} holds no .model files\n`);
    return files.sort().map((name) => join(path, name));
  } catch (error) {
    throw fileError(error, `cannot read ${path}`);
  }
}

/** False where the file is at fault: it has syntax errors, or `--check` finds it otherwise. Then it stays as it is. */
async function formatFile(path: string, { check }: FmtOptions, io: Io): Promise<boolean> {
  try {
    const text = path === "-" ? new TextDecoder().decode(readFileSync(0)) : readModel(path);
    const formatted = format({ name: path === "-" ? "stdin" : path, text });
    if (check) {
      if (formatted !== text) io.stdout.write(`${path}\n`);
      return formatted === text;
    }
    if (path === "-") io.stdout.write(formatted);
    else if (formatted !== text) await writeAtomically(path, formatted);
    return true;
  } catch (error) {
    report(error, io, false);
    return false;
  }
}
