/** What a correct model could do better: seen in the simplified graph of its loss. */
import type { Diagnostic } from "../diagnostics.ts";
import type { Module } from "../ir/graph.ts";
import { wastedLanes } from "./lanes.ts";
import { unstableForms } from "./stability.ts";

/** In the order of the text; what a layer that is used several times gives is said once. */
export function adviceOn(module: Module): readonly Diagnostic[] {
  const all = [...unstableForms(module), ...wastedLanes(module)];
  const placed = new Map(all.map((d) => [`${d.code} ${d.message} ${d.span?.file.name} ${d.span?.start}`, d]));
  return [...placed.values()].sort((a, b) => (a.span?.start ?? 0) - (b.span?.start ?? 0));
}
