/** Reading ohm's tree: the places of its nodes, and what the actions have made of their children. */
import type * as ohm from "ohm-js";
import type { Span } from "../diagnostics.ts";

/** The span from one offset to another of the text that was matched. */
export type Place = (start: number, end: number) => Span;
export type Node = ohm.Node;

// ohm hands the operation's argument over as `this.args`.
export const placeOf = (node: Node): Place => (node as unknown as { args: { place: Place } }).args.place;
export const spanOf = (node: Node): Span => placeOf(node)(node.source.startIdx, node.source.endIdx);
/** The tree of a child. */
export const tree = <T>(self: Node, child: Node): T => child.tree(placeOf(self)) as T;
/** The trees of the elements of a list, an iteration or an optional part. */
export const all = <T>(self: Node, child: Node): T[] => {
  const nodes = child.isIteration() ? child.children : child.asIteration().children;
  return nodes.map((c: Node) => tree<T>(self, c));
};
export const optional = <T>(self: Node, child: Node): T | null => all<T>(self, child)[0] ?? null;
