/** Rebuilds a module's graphs value by value. */
import type { Builder } from "../ir/builder.ts";
import { type Module, type Program, roots, topological, type Value } from "../ir/graph.ts";

type Change = (value: Value, inputs: readonly Value[]) => Value;

/** Every value replaced by `change(value, its operands rebuilt)`; the default rebuilds it as it was. */
export function rewrite(module: Module, b: Builder, change: Change): Module {
  const rebuilt = rebuiltBy(module.programs.flatMap(roots), b, change);
  return { ...module, programs: module.programs.map((program) => mapRoots(program, (value) => rebuilt.get(value)!)) };
}

export function rewriteProgram(program: Program, b: Builder, change: Change): Program {
  const rebuilt = rebuiltBy(roots(program), b, change);
  return mapRoots(program, (value) => rebuilt.get(value)!);
}

function rebuiltBy(values: readonly Value[], b: Builder, change: Change): ReadonlyMap<Value, Value> {
  const rebuilt = new Map<Value, Value>();
  for (const value of topological(values)) {
    b.span = value.span;
    rebuilt.set(
      value,
      change(
        value,
        value.inputs.map((input) => rebuilt.get(input)!),
      ),
    );
  }
  return rebuilt;
}

/** The same value on other operands. */
export function rebuild(b: Builder, value: Value, inputs: readonly Value[]): Value {
  return inputs.every((input, i) => input === value.inputs[i]) ? value : b.op(value.op, inputs, value.attrs);
}

export function mapRoots(program: Program, change: (value: Value, update?: string) => Value): Program {
  return {
    ...program,
    results: program.results.map((r) => ({ ...r, value: change(r.value) })),
    updates: program.updates.map((u) => ({ ...u, value: change(u.value, u.target) })),
  };
}
