/** Names in force at a place. A call looks for something that can be called, so `mean = [0.5]` does not hide `mean(x)`. */
import type { Span } from "../diagnostics.ts";
import { type CValue, isCallable } from "./values.ts";

export class Scope {
  private readonly names = new Map<string, CValue>();
  private readonly untaken = new Map<string, Span>();

  constructor(readonly parent: Scope | null) {}

  set(name: string, value: CValue): void {
    this.names.set(name, value);
  }
  /** The branch of an `if` that is not taken would have set it. */
  miss(name: string, span: Span): void {
    this.untaken.set(name, span);
  }
  missed(name: string): Span | undefined {
    return this.untaken.get(name) ?? this.parent?.missed(name);
  }
  /** In this scope itself. */
  own(name: string): CValue | undefined {
    return this.names.get(name);
  }
  ownNames(): Iterable<string> {
    return this.names.keys();
  }
  get(name: string): CValue | undefined {
    return this.names.get(name) ?? this.parent?.get(name);
  }
  callable(name: string): CValue | undefined {
    const own = this.names.get(name);
    if (own !== undefined && (isCallable(own) || (typeof own === "object" && "kind" in own && own.kind === "poison"))) {
      return own;
    }
    return this.parent?.callable(name);
  }
  /** Every name in force, or every one that can be called, innermost first; for suggestions. */
  *all(toCall: boolean): Iterable<string> {
    for (const [name, value] of this.names) if (!toCall || isCallable(value)) yield name;
    if (this.parent) yield* this.parent.all(toCall);
  }
}
