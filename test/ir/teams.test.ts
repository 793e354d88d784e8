import { describe, expect, it } from "vitest";
import { countTeams, samplesOfTeam, sizesOf, teamsOf } from "../../compiler/ir/teams.ts";

/** Samples of each team, one by one. */
function dealt(batch: number, samples: number): number[] {
  const { unit, doubled } = teamsOf(batch);
  const sizes: number[] = [];
  for (let left = samples; left > 0; ) {
    const size = Math.min(left, sizes.length < doubled ? 2 * unit : unit);
    sizes.push(size);
    left -= size;
  }
  return sizes;
}

describe("teams", () => {
  it("are as many as it takes to deal out the samples", () => {
    for (let batch = 1; batch <= 200; batch++) {
      const teams = teamsOf(batch);
      for (let samples = 0; samples <= batch; samples++) {
        const sizes = dealt(batch, samples);
        expect(countTeams(teams, samples), `${samples} of ${batch}`).toBe(sizes.length);
        expect(Math.max(0, ...sizes)).toBeLessThanOrEqual(samplesOfTeam(teams));
      }
    }
  });

  it.each([2, 4, 8])("of a full batch can be shared evenly by %i threads", (threads) => {
    const busy = Array.from({ length: threads }, () => 0);
    for (const size of dealt(64, 64)) busy[busy.indexOf(Math.min(...busy))] += size;
    expect(new Set(busy)).toEqual(new Set([64 / threads]));
  });

  it("say in words how large they are", () => {
    expect(sizesOf(teamsOf(64))).toBe("the first 6 of 8 samples, others of 4");
    expect(sizesOf(teamsOf(3))).toBe("each of 1 sample");
  });
});
