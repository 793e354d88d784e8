/** From a file's name to a compiled model. */
import { basename } from "node:path";
import type { Engine, Executable } from "../../runtime/abi.ts";
import type { Compilation, CompileOptions } from "../compile.ts";
import { UsageError } from "./errors.ts";
import { readBytes } from "./files.ts";
import { importedFiles } from "./imports.ts";
import type { Io } from "./io.ts";
import type { ModelOptions } from "./options.ts";
import { writeDiagnostics } from "./report.ts";
import { heeded, type WarningOptions } from "./warnings.ts";

/** More than any model; keeps a wrong file from filling the memory. */
const MOST_BYTES = 64 * 2 ** 20;

export function readModel(path: string): string {
  return new TextDecoder().decode(readBytes(path, MOST_BYTES));
}

/** `models/cifar_net.model` → `cifar_net` */
export function modelName(path: string): string {
  return basename(path).replace(/\.model$/, "");
}

export function compileOptions(path: string, options: ModelOptions): CompileOptions {
  const { set, batch, numerics, backend = "wasm", precision = "f32" } = options;
  if (precision === "f64" && backend !== "js") {
    throw new UsageError("--precision f64 needs --backend js", "WebAssembly kernels compute in float32.");
  }
  return { file: path, files: importedFiles(path), overrides: set, batch, numerics, backend, precision };
}

/** Compiles the file; warnings go to the error stream. */
export async function compileModel(
  path: string,
  options: ModelOptions & WarningOptions,
  io: Io,
  more: CompileOptions = {},
): Promise<Compilation> {
  const { compile } = await import("../compile.ts");
  const compilation = compile(readModel(path), { ...compileOptions(path, options), ...more });
  const warnings = heeded(compilation.warnings, options);
  if (!options.quiet) writeDiagnostics(warnings, io, options.json);
  return compilation;
}

/** A module of JavaScript kernels, from their text. */
export const loadJs = (js: string): Promise<{ instantiate(): Engine }> =>
  import(`data:text/javascript;base64,${Buffer.from(js).toString("base64")}`);

/** What `createTrainer` takes. */
export function executableOf(compilation: Compilation): Executable {
  return compilation.executable(loadJs);
}
