/** Options that several commands share, and what their values must be. */
import { type Command, InvalidArgumentError, Option } from "commander";

/** Of every command that compiles a model. */
export interface ModelOptions {
  readonly set?: Readonly<Record<string, string>>;
  readonly batch?: number;
  readonly backend?: "wasm" | "js";
  readonly precision?: "f32" | "f64";
  readonly numerics?: "strict" | "fast";
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function wholeNumber(least: number, most: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
    throw new InvalidArgumentError(`It must be a whole number ${range}.`);
  };
}

export function threadCount(text: string): number | "auto" {
  return text === "auto" ? text : wholeNumber(1, 1024)(text);
}

function assignment(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const [, key, value] = /^\s*([^=\s]+)\s*=\s*(.+)$/s.exec(text) ?? [];
  if (key === undefined) throw new InvalidArgumentError("It must be KEY=VALUE, such as train.epochs=5.");
  return { ...before, [key]: value.trim() };
}

export function addModelOptions(command: Command): Command {
  return command
    .option("--set <key=value>", "use a value instead of the file's, such as train.epochs=5 (repeatable)", assignment)
    .option("--batch <n>", "samples of a step (default: the model's)", wholeNumber(1))
    .addOption(
      new Option("--numerics <mode>", "how convolutions are computed (default: the model's)").choices([
        "strict",
        "fast",
      ]),
    );
}

export function addBackendOptions(command: Command): Command {
  return command
    .addOption(new Option("--backend <name>", "what the kernels are").choices(["wasm", "js"]).default("wasm"))
    .addOption(
      new Option("--precision <type>", "arithmetic of the kernels; f64 with --backend js only")
        .choices(["f32", "f64"])
        .default("f32"),
    );
}

export function addOutputOptions(command: Command): Command {
  return command.option("--quiet", "print errors alone").option("--json", "print JSON, one object a line, on stdout");
}
