/**
 * `--set net.layer1.0.conv1.kernel=5`: arguments of the net's layers, found by the place that gives a layer's parameters their
 * names. A layer without parameters has the name that it would have with some.
 */
import type { Argument, Expr } from "../1-parse/syntax.ts";
import type { Span } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import { type Diagnostics, didYouMean } from "./context.ts";
import { signature } from "./signatures.ts";
import { type Callable, isCallable } from "./values.ts";

export interface NetOverride {
  /** Without `net.`. */
  readonly path: readonly string[];
  readonly value: Expr;
  /** Of the key. */
  readonly span: Span;
}

export const NET = "net";
const SHOWN = 30;

export class NetOverrides {
  private readonly used = new Set<NetOverride>();
  /** The arguments of the layers that were applied, by their places. */
  private readonly places = new Map<string, readonly string[]>();

  constructor(private readonly overrides: readonly NetOverride[]) {}

  /**
   * The arguments to set where `callee` is applied at `place`, each with the way into it: `body.kernel` is the argument `kernel`
   * of the layer that the argument `body` is.
   */
  at(place: string, callee: Callable): { readonly argument: Argument; readonly within: readonly string[] }[] {
    if (this.overrides.length === 0) return [];
    const names = signature(callee).params.map(({ name }) => name);
    this.places.set(place, [...new Set([...(this.places.get(place) ?? []), ...names])]);
    if (callee.target.kind === "block") return [];
    return this.overrides.flatMap((override) => {
      const { path, value, span } = override;
      const depth = place.split(".").length;
      if (path.slice(0, depth).join(".") !== place || path.length <= depth) return [];
      const within = path.slice(depth, -1);
      if (!leadsToCallable(callee, within)) return [];
      this.used.add(override);
      const text = path[path.length - 1];
      return [{ argument: { name: { text, span }, value, span, override: true }, within }];
    });
  }

  /** Reports what is nowhere in the net, with what there is at that level. */
  report(diagnostics: Diagnostics): void {
    for (const override of this.overrides) {
      if (this.used.has(override)) continue;
      const { path, span } = override;
      const level = this.levelOf(path);
      const here = path.slice(0, level);
      const known = this.known(here);
      const prefix = [NET, ...here].join(".");
      const guess = known.includes(path[level]) ? {} : didYouMean(path[level], known);
      const rest = path.slice(level + 1).map((part) => `.${part}`);
      const help = guess.help?.replace(/`(.*)`\?$/, (_, name) => `\`${prefix}.${name}${rest.join("")}\`?`);
      const more = (name: string): string => (this.isPlace([...here, name]) ? ".…" : "");
      const list = known.slice(0, SHOWN).map((name) => `\`${prefix}.${name}${more(name)}\``);
      if (known.length > SHOWN) list.push("…");
      const key = [NET, ...path].join(".");
      diagnostics.add(errors.unknownOverride({ key, known: list.join(", ") || "nothing" }, span, { help }));
    }
  }

  /** How many parts of the path lead to a place of the net. */
  private levelOf(path: readonly string[]): number {
    let level = 0;
    while (level < path.length - 1 && this.isPlace(path.slice(0, level + 1))) level++;
    return level;
  }

  private isPlace(path: readonly string[]): boolean {
    const prefix = path.join(".");
    return [...this.places.keys()].some((place) => place === prefix || place.startsWith(`${prefix}.`));
  }

  /** Arguments of the layer at a place, and layers inside it. */
  private known(place: readonly string[]): string[] {
    const found = [...this.places].flatMap(([other, names]) => {
      const parts = other.split(".");
      if (other === "" || !place.every((part, i) => parts[i] === part)) return [];
      return parts.length === place.length ? names : [parts[place.length]];
    });
    return [...new Set(found)];
  }
}

/** Whether each part of the way is an argument that is a layer or function, of the one before. */
function leadsToCallable({ given }: Callable, [name, ...deeper]: readonly string[]): boolean {
  if (name === undefined) return true;
  const value = given.get(name);
  return value !== undefined && isCallable(value) && leadsToCallable(value, deeper);
}
