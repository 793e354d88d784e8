/** `mlc explain`: what the compiler did, stage by stage. */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { type CompileOptions, compile } from "../compile.ts";
import { nearest } from "../diagnostics.ts";
import { codes, explainCode } from "../errors.ts";
import { explain, stages } from "../explain.ts";
import { UsageError } from "./errors.ts";
import type { Io } from "./io.ts";
import { compileOptions, readModel } from "./model.ts";
import { addBackendOptions, addModelOptions, type ModelOptions } from "./options.ts";

interface ExplainOptions extends ModelOptions {
  readonly stage?: string;
  readonly program?: string;
}

/** What is shown where no stage is named: the figures a kernel, and memory. */
const OVERVIEW = ["fusion", "memory"];

export function addExplain(program: Command, io: Io): void {
  const command = program
    .command("explain")
    .description("show the IR after each pass, the symbolic gradient, fusion, memory, FLOPs and bytes of each kernel")
    .argument("<file>", "the .model file; or the code of an error or warning, such as unknown-name")
    .option("--stage <name>", `one of ${stages.map(({ name }) => name).join(", ")}`)
    .option("--program <name>", "only this program: train_step, evaluate, forward, …");
  addBackendOptions(addModelOptions(command)).addHelpText("after", `\nStages:\n${stageList()}`);
  command.action((file: string, options: ExplainOptions) => {
    const { stage, program: only } = options;
    const message = explainCode(file);
    if (message !== null) {
      io.stdout.write(message);
      return;
    }
    if (looksLikeCode(file)) throw new UsageError(`there is no file and no message ${file}`, suggestion(file));
    if (stage !== undefined && !stages.some(({ name }) => name === stage)) {
      throw new UsageError(`there is no stage ${stage}`, `The stages are\n${stageList()}`);
    }
    const source = readModel(file);
    if (only !== undefined) checkProgram(source, only, compileOptions(file, options));
    const show = (name: string) => explain(source, { ...compileOptions(file, options), stage: name, program: only });
    if (stage !== undefined) io.stdout.write(show(stage));
    else io.stdout.write(`${OVERVIEW.map(show).join("\n")}\nMore with --stage:\n${stageList()}`);
  });
}

const looksLikeCode = (text: string): boolean => /^[a-z]+(-[a-z]+)+$/.test(text) && !existsSync(text);

function suggestion(code: string): string {
  const near = nearest(code, codes());
  return near === null ? "Codes stand in brackets before a message: error[unknown-name]." : `Did you mean ${near}?`;
}

function checkProgram(source: string, name: string, options: CompileOptions): void {
  const programs = Object.keys(compile(source, options).manifest.programs);
  if (!programs.includes(name))
    throw new UsageError(`there is no program ${name}`, `The model has ${programs.join(", ")}.`);
}

function stageList(): string {
  const width = Math.max(...stages.map(({ name }) => name.length));
  return stages.map(({ name, doc }) => `  ${name.padEnd(width)}  ${doc}\n`).join("");
}
