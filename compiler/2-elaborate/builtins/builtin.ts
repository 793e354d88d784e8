/** What a function of the language that is written in TypeScript is. They are few: the library is written in the language. */
import type { Builder } from "../../ir/builder.ts";
import type { CValue } from "../values.ts";

export interface BuiltinParam {
  readonly name: string;
  readonly types: readonly string[];
  /** Absent: required. */
  readonly default?: CValue;
}

/** What a builtin may ask for beside its arguments. */
export interface BuiltinEnv {
  readonly b: Builder;
  /** A number for each random operation of the model, in the order in which they are met. */
  nextSite(): number;
  /** Throws the error that argument `name` must be `expected`. */
  wrong(name: string, expected: string): never;
}

export interface Builtin {
  readonly name: string;
  readonly params: readonly BuiltinParam[];
  /** For the reference: formula, shapes. */
  readonly doc: string;
  run(env: BuiltinEnv, args: Readonly<Record<string, CValue>>): CValue;
}

/** Writes a parameter list as the language does: `x: tensor, axis: int | list = 1`. */
export function params(text: string, defaults: Readonly<Record<string, CValue>> = {}): BuiltinParam[] {
  return text.split(",").map((part) => {
    const [name, types] = part.split(":").map((s) => s.trim());
    const param = { name, types: types ? types.split("|").map((t) => t.trim()) : [] };
    return name in defaults ? { ...param, default: defaults[name] } : param;
  });
}
