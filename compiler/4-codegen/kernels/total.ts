/** Sums over samples that teams have added up on their own: the first team's plus the second's, and so on. */
import type { Affine, Buffer, Expr, Local } from "../../ir/loops.ts";
import type { Teams } from "../../ir/teams.ts";
import type { GroupContext } from "../group-context.ts";
import { addAffine, affine } from "../kernel-builder.ts";

/** Elements that are added up together: a team's sums lie far from the next one's, so each visit takes a cache line. */
const LINE = 16;

export function total(ctx: GroupContext, sums: Buffer, teams: Teams): void {
  const { k, target } = ctx;
  const { e } = k;
  const { buffer, layout } = ctx.place(ctx.group.outputs[0]);
  const count = countOf(ctx, teams);
  const together = (elements: number) => (i: Local) => {
    const vector = elements % target.lanes === 0 && target.lanes > 1;
    const [ty, stride] = vector ? (["f32x4", 1] as const) : (["f32", 0] as const);
    const load = (at: Affine) => ({ k: "load", ty, buffer: sums, at, stride }) as const;
    const step = vector ? target.lanes : 1;
    const places = Array.from({ length: elements / step }, (_, v) => affine(v * step, [i, 1]));
    const own = places.map((at) => k.variable(load(at), "sum"));
    k.for("team", 1, count, 1, (team) =>
      own.forEach((sum, v) => {
        const next = load(addAffine(places[v], affine(0, [team, layout.elements])));
        k.set(sum, e.add(e.local(sum), next));
      }),
    );
    own.forEach((sum, v) => {
      k.add({ k: "store", buffer, at: places[v], value: e.local(sum), stride });
    });
  };
  let from = 0;
  for (const elements of [LINE, target.lanes, 1]) {
    const to = layout.elements - (layout.elements % elements);
    if (to > from) k.for("i", from, to, elements, together(elements), from === 0 ? "first" : "last");
    from = to;
  }
}

/** As `countTeams`, of the samples of a step. */
function countOf({ k }: GroupContext, { unit, doubled }: Teams): Expr {
  const { e } = k;
  const number = (value: number) => e.const(value, "i32");
  const units = k.let(e.div(e.add(e.local(k.n), number(unit - 1)), number(unit)), "units");
  const halves = e.div(e.add(units, number(1)), number(2));
  return k.let(e.binary("max", halves, e.sub(units, number(doubled))), "teams");
}
