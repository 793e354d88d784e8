/**
 * Applies the rules (rules.ts) until none fits: operands first, each value once. What a rule makes is simplified in turn; the
 * Builder shares equal values, and what nothing reads is gone. Optimizer states that nothing reads are dropped.
 */
import type { Builder } from "../ir/builder.ts";
import { type Module, roots, sameType, topological, type Value } from "../ir/graph.ts";
import type { Target } from "../target.ts";
import { mapRoots, rebuild, rewrite } from "./rewrite.ts";
import { type Rule, RuleContext } from "./rule.ts";
import { rules } from "./rules.ts";

export function simplify(given: Module, b: Builder, target?: Pick<Target, "numerics">): Module {
  const module = withoutConstantStates(given, b);
  const simplifier = new Simplifier(b, module, target?.numerics === "strict");
  const programs = module.programs.map((program) => mapRoots(program, (value) => simplifier.run(value)));
  b.span = null;
  return dropDeadStates({ ...module, programs });
}

/** Rewrites a value may cost on average before the rest is left as it is: no set of rules can make the compiler hang. */
const REWRITES_PER_VALUE = 50;

class Simplifier {
  private readonly context: RuleContext;
  private readonly rulesByOp = new Map<string, Rule[]>();
  /** Values with their simplest form. */
  private readonly done = new Map<Value, Value>();
  /** Values on their way, with what they were rewritten to. */
  private readonly open = new Map<Value, Value>();
  private rewritesLeft: number;

  constructor(
    private readonly b: Builder,
    module: Module,
    strict: boolean,
  ) {
    const values = topological(module.programs.flatMap(roots));
    this.context = new RuleContext(
      b,
      module.inputs,
      values.every(({ op }) => op !== "grad"),
      strict,
    );
    this.rewritesLeft = REWRITES_PER_VALUE * values.length;
    for (const rule of rules) {
      for (const op of rule.ops) {
        if (!this.rulesByOp.has(op)) this.rulesByOp.set(op, []);
        this.rulesByOp.get(op)!.push(rule);
      }
    }
  }

  run(root: Value): Value {
    const stack = [root];
    while (stack.length > 0) {
      const value = stack[stack.length - 1];
      const wait = this.done.has(value) ? null : this.advance(value);
      if (wait) stack.push(...wait);
      else stack.pop();
    }
    return this.done.get(root)!;
  }

  /** Values that must be simplified before this one can be; null when it is done. */
  private advance(value: Value): readonly Value[] | null {
    const rewritten = this.open.get(value);
    if (rewritten) return this.finish(value, rewritten);
    const operands = value.inputs.filter((input) => !this.done.has(input));
    if (operands.length > 0) {
      // A rewrite that led back to itself: such an operand stays as it is.
      for (const operand of operands) if (this.open.has(operand)) this.done.set(operand, operand);
      return operands;
    }
    this.b.span = value.span;
    const rebuilt = rebuild(
      this.b,
      value,
      value.inputs.map((input) => this.done.get(input)!),
    );
    const next = rebuilt === value ? this.apply(value) : rebuilt;
    if (!next || this.open.has(next)) return this.finish(value, value);
    this.open.set(value, next);
    return [next];
  }

  private finish(value: Value, result: Value): null {
    this.done.set(value, this.done.get(result) ?? result);
    this.open.delete(value);
    return null;
  }

  private apply(value: Value): Value | null {
    for (const rule of this.rulesByOp.get(value.op) ?? []) {
      if (!rule.anyType && value.type.dtype !== "f32") continue;
      const result = rule.rewrite(value, this.context);
      if (!result || result === value) continue;
      if (!sameType(result.type, value.type)) throw new Error(`rule ${rule.name} changed the type of ${value.op}`);
      return this.rewritesLeft-- > 0 ? result : null;
    }
    return null;
  }
}

/** A state that starts as one number and is never given another is that number. */
function withoutConstantStates(module: Module, b: Builder): Module {
  const updates = module.programs.flatMap((program) => program.updates);
  const changed = new Set(updates.filter(({ target, value }) => !isState(value, target)).map(({ target }) => target));
  const numbers = new Map(
    module.tensors.flatMap(({ name, kind, init, averageOf }) => {
      const isKept = kind === "state" && averageOf === undefined && !changed.has(name);
      return isKept && init.kind === "constant" ? [[name, init.value]] : [];
    }),
  );
  if (numbers.size === 0) return module;
  const constant = rewrite(module, b, (value, inputs) => {
    const number = value.op === "state" ? numbers.get(value.attrs.name as string) : undefined;
    return number === undefined ? rebuild(b, value, inputs) : b.broadcast(b.const(number), value.type.shape, []);
  });
  return dropStates(constant, (name) => numbers.has(name));
}

const isState = ({ op, attrs }: Value, name: string): boolean => op === "state" && attrs.name === name;

function dropStates(module: Module, drop: (name: string) => boolean): Module {
  return {
    ...module,
    tensors: module.tensors.filter(({ name }) => !drop(name)),
    programs: module.programs.map((program) => ({
      ...program,
      updates: program.updates.filter(({ target }) => !drop(target)),
    })),
  };
}

/** States that only their own updates read are no states: `sgd(momentum = 0)` keeps no velocity. */
function dropDeadStates(module: Module): Module {
  const optional = module.tensors.filter(({ kind, averageOf }) => kind === "state" && averageOf === undefined);
  const states = new Set(optional.map(({ name }) => name));
  const updates = module.programs.flatMap((program) => program.updates);
  const read = new Set<string>();
  let open = [
    ...module.programs.flatMap((program) => program.results.map(({ value }) => value)),
    ...updates.filter(({ target }) => !states.has(target)).map(({ value }) => value),
  ];
  while (open.length > 0) {
    const found = topological(open)
      .filter(({ op, attrs }) => op === "state" && !read.has(attrs.name as string))
      .map(({ attrs }) => attrs.name as string);
    for (const name of found) read.add(name);
    open = updates.filter(({ target }) => found.includes(target)).map(({ value }) => value);
  }
  return dropStates(module, (name) => states.has(name) && !read.has(name));
}
