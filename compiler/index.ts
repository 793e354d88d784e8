/** The compiler as a library. */

export type { Engine, Executable, HostExpr, Manifest } from "../runtime/abi.ts";
export { type ArtifactOptions, artifact } from "./artifact.ts";
export { type Compilation, type CompileOptions, compile, type FileContent } from "./compile.ts";
export { CompileError, type Diagnostic, type SourceFile, type Span } from "./diagnostics.ts";
export { type ExplainOptions, explain, type Stage, stages } from "./explain.ts";
export type { Module, Program, Value } from "./ir/graph.ts";
export { evaluate, type InterpretEnv, interpret } from "./ir/interpret.ts";
export { printModule, printProgram } from "./ir/text.ts";
