/** One elaboration of the model, for training or for evaluation, and the programs made of it. */
import type { ManifestData } from "../../runtime/abi.ts";
import type { UseClause } from "../1-parse/syntax.ts";
import type { Diagnostic, Span } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import type { InputDecl, Program, Value } from "../ir/graph.ts";
import { bodyOf, netBody, runBody, SAMPLES } from "./body.ts";
import type { Clauses } from "./clauses.ts";
import type { Context, Env, Requirement, TrailStep } from "./context.ts";
import { evaluate } from "./evaluate.ts";
import { guarded } from "./failure.ts";
import { inputValue } from "./inputs.ts";
import { ParamPath } from "./parameters.ts";
import { Scope } from "./scope.ts";
import { type CValue, isPoison, isTensor, POISON, show, type Tensor, tensor } from "./values.ts";

export class ModelPass {
  readonly ctx: Context;
  /** null where an error was reported. */
  readonly loss: Value | null;
  /** What the net asks of the number of samples; what net and loss ask. Metrics may ask for more. */
  readonly ofNet: readonly Requirement[];
  readonly ofLoss: readonly Requirement[];
  /** What the net gives, by name. */
  readonly outputs: { readonly name: string; readonly value: Value }[] = [];
  private readonly net: CValue;
  /** The steps of the net, and the targets. */
  private readonly trail: TrailStep[] = [];
  private readonly metrics: readonly { readonly name: string; readonly value: Value }[];

  constructor(
    private readonly clauses: Clauses,
    private readonly inputs: readonly InputDecl[],
    private readonly data: ManifestData | null,
    private readonly env: Env,
  ) {
    this.ctx = env.ctx;
    for (const { name, classes } of inputs) if (classes !== undefined) this.ctx.classes.set(name, classes);
    const scope = this.inputScope();
    this.net = this.runNet(scope);
    this.ofNet = [...this.ctx.requirements];
    const after = new Scope(scope);
    after.set("net", this.net);
    for (const { kind, name } of clauses.inputs) {
      if (kind === "target")
        this.trail.push({ label: `target ${name.text}`, value: scope.get(name.text)!, span: name.span });
    }
    this.loss = clauses.loss && this.scalar(clauses.loss, after);
    this.ofLoss = [...this.ctx.requirements];
    const taken = new Set(["loss", SAMPLES]);
    this.metrics = clauses.metrics.flatMap((clause) => {
      const value = this.metric(clause, after);
      const name = this.metricName(clause, taken);
      return value === null ? [] : [{ name, value }];
    });
  }

  /** The names of inputs and targets; the first float input goes through the steps of the data clause. */
  private inputScope(): Scope {
    const scope = new Scope(this.env.scope);
    scope.set("training", this.ctx.training);
    for (const clause of this.clauses.inputs) scope.set(clause.name.text, POISON);
    const image = this.inputs.find((decl) => decl.role === "input" && decl.dtype === "f32");
    for (const decl of this.inputs) {
      const leaf = tensor(inputValue(decl, this.data, this.ctx));
      const steps = decl === image ? (this.clauses.data?.body ?? []) : [];
      const body = bodyOf("layer", "the data's steps", leaf);
      body.trail.push({ label: `input ${decl.name}`, value: leaf, span: decl.span! });
      const inner: Env = { ...this.env, scope: new Scope(scope), path: ParamPath.data() };
      inner.scope.set("in", leaf);
      scope.set(decl.name, steps.length === 0 ? leaf : runBody(steps, inner, body, this.clauses.data!.span));
      if (this.ctx.training) for (const warning of idleSteps(body.trail)) this.ctx.diagnostics.add(warning);
    }
    const [first] = this.clauses.data?.body ?? [];
    if (first && !image) {
      const params = { what: "what `data` does with samples", reason: "no input is of floats" };
      this.ctx.diagnostics.add(errors.noEffect(params, first.span));
    }
    return scope;
  }

  private runNet(scope: Scope): CValue {
    const { net } = this.clauses;
    if (net === null) return POISON;
    const names = this.clauses.inputs.filter((c) => c.kind === "input").map((c) => c.name);
    const first = names.length === 1 ? scope.get(names[0].text)! : null;
    const inner = new Scope(scope);
    if (first) inner.set("in", first);
    const body = netBody(first);
    for (const { text, span } of names) body.trail.push({ label: `input ${text}`, value: scope.get(text)!, span });
    const env: Env = { ...this.env, scope: new Scope(inner), path: ParamPath.root() };
    const value = runBody(net.body, env, body, net.span);
    this.trail.push(...body.trail);
    const named = body.outputs!;
    if (named.size === 0 || body.endsInStep) {
      // The name that PyTorch's users know, where the target is a class.
      const isClass = this.inputs.some((decl) => decl.role === "target" && decl.classes !== undefined);
      this.output(isClass ? "logits" : "output", value, body.trail.at(-1)?.span ?? net.span);
    }
    for (const [name, output] of named) this.output(name, output.value, output.span);
    if (named.size === 0) return value;
    const members = new Map([...named].map(([name, output]) => [name, output.value]));
    return { kind: "outputs", named: members, main: body.endsInStep ? value : null };
  }

  private output(name: string, output: CValue, span: Span): void {
    const { ctx } = this;
    if (!isTensor(output)) return;
    const { type } = output.value;
    if (type.shape[0] !== "n") {
      ctx.diagnostics.add(errors.outputWithoutSamples({ name, found: show(output) }, span));
    } else if (this.outputs.some((known) => known.name === name)) {
      ctx.diagnostics.add(errors.duplicateName({ kind: "output", name }, span));
    } else {
      this.outputs.push({ name, value: type.dtype === "bool" ? ctx.b.cast(output.value, "f32") : output.value });
    }
  }

  private scalar(clause: UseClause, scope: Scope): Value | null {
    return this.head(clause, scope, ({ value }) => value.type.shape.length === 0, errors.lossNotScalar);
  }

  /** Any number of figures, but none of single samples: those of a whole split are not kept. */
  private metric(clause: UseClause, scope: Scope): Value | null {
    return this.head(clause, scope, ({ value }) => !value.type.shape.includes("n"), errors.metricOfSamples);
  }

  private head(
    { sort, expr }: UseClause,
    scope: Scope,
    fits: (result: Tensor) => boolean,
    refuse: typeof errors.lossNotScalar,
  ): Value | null {
    const { ctx } = this;
    const env: Env = { ctx, scope, spaces: this.env.spaces, prefer: this.env.spaces.preferred(sort), path: null };
    const value = guarded(ctx.diagnostics, () => {
      const result = ctx.along(this.trail, () => evaluate(expr, env));
      if (isPoison(result)) return null;
      if (isTensor(result) && fits(result)) return ctx.b.cast(result.value, "f32");
      throw ctx.failure(refuse({ type: show(result) }, expr.span));
    });
    return value ?? null;
  }

  /** A metric is called by its label, or by its definition. */
  private metricName({ label, expr }: UseClause, taken: Set<string>): string {
    const callee = expr.kind === "call" && expr.callee.kind === "name" ? expr.callee : null;
    const name = label?.text ?? callee?.name ?? "metric";
    if (taken.has(name)) {
      const help = "give it a label: `metric name: …`";
      this.ctx.diagnostics.add(errors.duplicateName({ kind: "metric", name }, label?.span ?? expr.span, { help }));
    }
    taken.add(name);
    return name;
  }

  /** New values of buffers and parameters. */
  storedUpdates(): Program["updates"] {
    return [...this.ctx.updates].map(([target, { value }]) => ({ target, value }));
  }

  get metricValues(): readonly Value[] {
    return this.metrics.map(({ value }) => value);
  }

  evaluateProgram(): Program {
    return { name: "evaluate", results: [{ name: "loss", value: this.loss! }, ...this.metrics], updates: [] };
  }

  forwardProgram(): Program {
    return { name: "forward", results: this.outputs, updates: [] };
  }

  /** What buffers are measured from: for each, its value for a batch in evaluation. */
  measurePrograms(): Program[] {
    return [...this.ctx.measured].map(([name, value], i) => ({
      name: `measure_${i}`,
      results: [{ name, value: this.ctx.b.cast(value, "f32") }],
      updates: [],
    }));
  }
}

/** Steps of the data that give what they get. */
function idleSteps(trail: readonly TrailStep[]): Diagnostic[] {
  const steps = trail.filter(({ isName }) => !isName);
  return steps.flatMap(({ label, value, span }, i) => {
    const before = steps[i - 1]?.value;
    const isIdle = before !== undefined && isTensor(before) && isTensor(value) && before.value === value.value;
    return isIdle ? [errors.noEffect({ what: `\`${label}\``, reason: "it gives each sample as it is" }, span)] : [];
  });
}
