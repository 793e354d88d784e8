/** The state of one elaboration of the model (there are two: for training and for evaluation), and how errors are raised in it. */
import type { Definition } from "../1-parse/syntax.ts";
import { type Diagnostic, nearest, type SourceFile, type Span } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import type { Builder } from "../ir/builder.ts";
import type { Value } from "../ir/graph.ts";
import { Failure } from "./failure.ts";
import type { ChosenInits } from "./inits.ts";
import type { Namespaces, Spaces } from "./namespaces.ts";
import { NetOverrides } from "./net-overrides.ts";
import type { ParamPath, Tensors } from "./parameters.ts";
import type { Scope } from "./scope.ts";
import { signatureNote } from "./signatures.ts";
import { type Callable, type CValue, isTensor, nameOf, show } from "./values.ts";

/** Evaluation steps of a whole model; stops repeats inside repeats before they fill the memory. */
const MAX_WORK = 300_000;
/** Expressions, and bodies of definitions and blocks, being evaluated inside one another; well within the stack of any engine. */
const MAX_DEPTH = 300;
const MAX_BODIES = 50;
const MAX_DIAGNOSTICS = 30;
/** Calls around an error that are shown, and shapes that led to it. */
const MAX_CALLS = 4;
const MAX_TRAIL = 6;
/** Errors that the shapes before explain. */
const TRAILED = ["shape-error", "shape-type", "axes-differ", "assertion", "unknown-member", "shared-differ"];

/** Collects diagnostics of both elaborations, each once. */
export class Diagnostics {
  private readonly seen = new Set<string>();
  private readonly list: Diagnostic[] = [];
  private readonly dropped: Diagnostic[] = [];

  add(d: Diagnostic): void {
    const key = `${d.code} ${d.span?.file.name} ${d.span?.start} ${d.message}`;
    if (this.seen.has(key)) return;
    this.seen.add(key);
    if (this.list.length < MAX_DIAGNOSTICS) this.list.push(d);
    else this.dropped.push(d);
  }
  get all(): Diagnostic[] {
    if (this.dropped.length === 0) return this.list;
    const first = this.dropped.find(({ severity }) => severity === "error") ?? this.dropped[0];
    const kind = first.severity === "error" ? "errors" : "warnings";
    const rest = errors.tooManyErrors({ count: this.dropped.length, kind }, first.span);
    return [...this.list, { ...rest, severity: first.severity }];
  }
  get failed(): boolean {
    return this.all.some((d) => d.severity === "error");
  }
}

/** A definition at work, and where it was called. */
interface Frame {
  readonly callee: Callable;
  readonly span: Span;
}

/** A step of a body or a pipe, or a name, and what it gave: where a shape comes from. */
export interface TrailStep {
  readonly label: string;
  /** `let` gives the value a name; it is no step. */
  readonly isName?: boolean;
  readonly value: CValue;
  readonly span: Span;
}

/** A definition of the user's at work: what it was given, and what it made of it. */
export interface Application {
  readonly definition: Definition;
  readonly span: Span;
  /** Arguments by name; `in` is what a layer works on. */
  readonly operands: ReadonlyMap<string, CValue>;
  readonly result: CValue;
}

/** A loss of the library at work. */
export interface LossCall {
  readonly loss: string;
  /** What it compares with the target. */
  readonly pred: Value;
  /** In the user's text. */
  readonly span: Span;
}

/** What an `assert` asks of the number of samples in a batch, which is known when the batch is there. */
export interface Requirement {
  readonly condition: Value;
  readonly message: string;
  readonly cure: string | undefined;
  /** In the user's text. */
  readonly span: Span;
}

export class Context {
  /** What was asserted about `n` so far. */
  readonly requirements: Requirement[] = [];
  /** Constants of the file at work that have no value yet. */
  readonly pending = new Set<string>();
  /** New values of buffers and parameters by name, each with the value that it was computed from. */
  readonly updates = new Map<string, { readonly old: Value; readonly value: Value; readonly span: Span }>();
  /** Buffers whose initial value is the mean of a value over the training data, in the order of their declaration. */
  readonly measured = new Map<string, Value>();
  /** How many classes an integer input or target distinguishes, by its name. */
  readonly classes = new Map<string, number>();
  /** In the order in which they end. */
  readonly applications: Application[] = [];
  readonly losses: LossCall[] = [];
  private readonly frames: Frame[] = [];
  /** The steps of the bodies at work, outermost first. */
  private readonly trails: (readonly TrailStep[])[] = [];
  private work = 0;
  private depth = 0;
  private bodies = 0;
  private sites = 0;

  constructor(
    readonly b: Builder,
    readonly training: boolean,
    readonly names: Namespaces,
    readonly tensors: Tensors,
    readonly diagnostics: Diagnostics,
    readonly batch: number,
    readonly overrides: NetOverrides = new NetOverrides([]),
  ) {}

  nextSite(): number {
    return this.sites++;
  }

  /** Counts so many evaluation steps. */
  charge(steps: number, span: Span): void {
    this.work += steps;
    if (this.work > MAX_WORK) throw new Failure(errors.tooMuchWork({ limit: MAX_WORK }, this.userSpan(span)), true);
  }

  /** Counts an evaluation step, and the nesting while `run` goes on. */
  step<T>(span: Span, run: () => T): T {
    this.charge(1, span);
    if (this.depth >= MAX_DEPTH)
      throw new Failure(errors.callsTooDeep({ limit: MAX_DEPTH }, this.userSpan(span)), true);
    this.depth++;
    try {
      return run();
    } finally {
      this.depth--;
    }
  }

  /** Runs the body of a definition called at `span`. */
  call<T>(callee: Callable, span: Span, run: () => T): T {
    this.frames.push({ callee, span });
    try {
      return run();
    } finally {
      this.frames.pop();
    }
  }

  /** Runs a body whose steps so far `trail` holds. */
  within(trail: readonly TrailStep[], span: Span, run: () => void): void {
    if (this.bodies >= MAX_BODIES)
      throw new Failure(errors.callsTooDeep({ limit: MAX_BODIES }, this.userSpan(span)), true);
    this.bodies++;
    try {
      this.along(trail, run);
    } finally {
      this.bodies--;
    }
  }

  /** Runs what comes after the steps that `trail` holds. */
  along<T>(trail: readonly TrailStep[], run: () => T): T {
    this.trails.push(trail);
    try {
      return run();
    } finally {
      this.trails.pop();
    }
  }

  /** The chain of shapes that leads to what is at work, as far as it is written in the user's text. */
  private shapes(): Diagnostic["notes"] {
    const steps = this.trails.flat().filter(({ value, span }) => isTensor(value) && this.isUser(span.file));
    return steps
      .slice(-MAX_TRAIL)
      .map(({ label, value, span }) => ({ message: `shape after ${label}: ${show(value)}`, span }));
  }

  /** The place in the user's text that led to `span`: itself, or the innermost call that is not in the library. */
  userSpan(span: Span): Span {
    if (!this.names.isLibrary(span.file)) return span;
    for (let i = this.frames.length - 1; i >= 0; i--) {
      if (!this.names.isLibrary(this.frames[i].span.file)) return this.frames[i].span;
    }
    return span;
  }

  isUser(file: SourceFile): boolean {
    return !this.names.isLibrary(file);
  }

  /**
   * An error to throw. One in the library is shown where the user's text called it, with the library's place as a note; so is one
   * that blames the call (`blames`), as what is asserted does, wherever it is.
   */
  failure(diagnostic: Diagnostic, blames: "this" | "call" = "this"): Failure {
    const { span, code } = diagnostic;
    const blamed = blames === "call" ? (this.frames.at(-1)?.span ?? span) : span;
    const shown = blamed === null ? null : this.userSpan(blamed);
    const moved = span !== null && span !== shown;
    const inner = moved
      ? [{ message: this.isUser(span.file) ? "raised here" : "raised here, in the library", span }]
      : [];
    const called = this.frames.findLast((frame) => frame.span === shown);
    const ofArguments = code === "assertion" || code === "wrong-argument";
    const signature = moved && called && ofArguments ? signatureNote(called.callee) : [];
    const calls = this.frames
      .filter((frame) => this.isUser(frame.span.file) && frame.span !== shown)
      .slice(-MAX_CALLS)
      .map((frame) => ({ message: `in \`${nameOf(frame.callee)}\`, used here`, span: frame.span }));
    const shapes = TRAILED.includes(code) ? this.shapes() : [];
    const notes = [...diagnostic.notes, ...signature, ...inner, ...calls.reverse(), ...shapes];
    return new Failure({ ...diagnostic, span: shown, notes });
  }
}

/** Where an expression stands. */
export interface Env {
  readonly ctx: Context;
  readonly scope: Scope;
  /** What the file of the expression sees. */
  readonly spaces: Spaces;
  /** Definitions that are looked up before the global names: initialisers after `~`, losses in a `loss` clause, … */
  readonly prefer: Scope | null;
  /** Where parameters of layers applied here get their names; null where there can be none. */
  readonly path: ParamPath | null;
  /** What the caller of the layer at work chose for its parameters. */
  readonly inits?: ChosenInits;
  /** Whether an initialiser here knows the parameter that it is for; else it waits for one. */
  readonly initialises?: boolean;
}

export const withScope = (env: Env, scope: Scope): Env => ({ ...env, scope });

/** Help for a name of another kind of definition than the place asks for. */
export function meantElsewhere(name: string, sort: string): string {
  return `\`${name}\` is ${/^[aeiou]/.test(sort) ? "an" : "a"} ${sort}, which has no meaning here`;
}

/** "did you mean …?" or nothing. */
export function didYouMean(word: string, candidates: Iterable<string>): { help?: string } {
  const guess = nearest(word, new Set(candidates));
  return guess === null ? {} : { help: `did you mean \`${guess}\`?` };
}

/** Looks a name up: what stands around it, then the preferred definitions, then the global ones. */
export function lookup(env: Env, name: string, toCall: boolean): CValue | undefined {
  const find = (scope: Scope): CValue | undefined => (toCall ? scope.callable(name) : scope.get(name));
  const globals = env.spaces.values;
  const local = find(env.scope);
  const global = find(globals);
  if (local !== undefined && local !== global) return local;
  return (env.prefer ? find(env.prefer) : undefined) ?? local;
}
