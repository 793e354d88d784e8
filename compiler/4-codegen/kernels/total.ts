/** Sums over samples that teams have added up on their own: the first team's plus the second's, and so on. */
import type { Affine, Buffer, Local } from "../../ir/loops.ts";
import { count, elementsOf, type GroupContext, vectorPart } from "../group-context.ts";
import { affine } from "../kernel-builder.ts";

export function total(ctx: GroupContext, sums: Buffer, samples: number): void {
  const { k, target } = ctx;
  const { e } = k;
  const { buffer, layout } = ctx.place(ctx.group.outputs[0]);
  const extent = elementsOf(layout);
  const teams = k.let(e.div(e.add(e.local(k.n), e.const(samples - 1, "i32")), e.const(samples, "i32")), "teams");
  const element = (vector: boolean) => (i: Local) => {
    const ty = vector ? "f32x4" : "f32";
    const stride = vector ? 1 : 0;
    const load = (at: Affine) => ({ k: "load", ty, buffer: sums, at, stride }) as const;
    const sum = k.variable(load(affine(0, [i, 1])), "sum");
    k.for("team", 1, teams, 1, (team) =>
      k.set(sum, e.add(e.local(sum), load(affine(0, [team, layout.elements], [i, 1])))),
    );
    k.add({ k: "store", buffer, at: affine(0, [i, 1]), value: e.local(sum), stride });
  };
  const main = vectorPart(k, extent, target.lanes);
  if (main !== 0) k.for("i", 0, main, target.lanes, element(target.lanes > 1), "first");
  if (target.lanes > 1 && extent.size % target.lanes !== 0)
    k.for("i", main, count(k, extent), 1, element(false), "last");
}
