/** Kernels that run depth first, for a few samples of the batch at a time. */
import { CONTROL } from "../../../runtime/abi.ts";
import type { Address, Blocks, PartCall } from "../../ir/loops.ts";
import type { Teams } from "../../ir/teams.ts";
import type { Code, FunctionRef, LocalRef } from "../../wasm/index.ts";

export interface PartFunction {
  readonly call: PartCall;
  readonly f: Code;
}

export interface Around {
  /** Samples of the batch. */
  readonly n: LocalRef;
  /** The number of the thread; absent where there is but one. */
  readonly thread?: LocalRef;
  /** Called behind each kernel with its number; that of the first is `first`. */
  readonly clock?: { readonly tick: FunctionRef; readonly first: number } | null;
}

/** Where the loops stand. */
interface At extends Around {
  readonly team: LocalRef;
  /** Samples of this team, and the number in the batch of its first. */
  readonly size: LocalRef;
  readonly start: LocalRef;
  /** Samples of this part, and the number in the team of its first. */
  readonly count: LocalRef;
  readonly from: LocalRef;
}

/** Threads take one team after another, whoever is free; in the end all teams are done. */
export function emitBlocks(
  code: Code,
  blocks: Blocks,
  parts: readonly (readonly PartFunction[])[],
  around: Around,
): void {
  const [team, size, start, count, from, teams] = Array.from({ length: 6 }, () => code.local("i32"));
  const at: At = { ...around, team, size, start, count, from };
  emitCount(code, blocks.teams, around.n).set(teams);
  if (!around.thread) code.i32(0).set(team);
  const work = () =>
    code.loop((next) => {
      if (around.thread) take(code, team);
      code.get(team).get(teams).op("i32.lt_u");
      code.if(() => {
        emitTeam(code, blocks, parts, at);
        if (!around.thread) code.get(team).i32(1).op("i32.add").set(team);
        code.br(next);
      });
    });
  if (!around.thread) return void work();
  // The others have no memory for it.
  code.get(around.thread).i32(blocks.threads).op("i32.lt_u");
  code.if(work);
}

/** The number of the next piece of work, for the thread that asks; barriers begin again at 0. */
export function take(code: Code, piece: LocalRef): void {
  code.i32(CONTROL.taken).i32(1).op("i32.atomic.rmw.add", 0).set(piece);
}

/** Pushes the number of teams of so many samples: as `countTeams`. */
function emitCount(code: Code, { unit, doubled }: Teams, samples: LocalRef): Code {
  const [units, halves, more] = Array.from({ length: 3 }, () => code.local("i32"));
  code
    .get(samples)
    .i32(unit - 1)
    .op("i32.add")
    .i32(unit)
    .op("i32.div_u")
    .set(units);
  code.get(units).i32(1).op("i32.add").i32(1).op("i32.shr_u").tee(halves);
  code.get(units).i32(doubled).op("i32.sub").tee(more);
  return code.get(halves).get(more).op("i32.gt_s").select();
}

function emitTeam(code: Code, blocks: Blocks, parts: readonly (readonly PartFunction[])[], at: At): void {
  const { unit, doubled } = blocks.teams;
  least(code, doubled, () => code.get(at.team));
  code.get(at.team).op("i32.add").i32(unit).op("i32.mul").set(at.start);
  const most = code.local("i32");
  code
    .i32(2 * unit)
    .i32(unit)
    .get(at.team)
    .i32(doubled)
    .op("i32.lt_u")
    .select()
    .set(most);
  code.get(at.n).get(at.start).op("i32.sub").set(at.size);
  code.get(most).get(at.size).get(most).get(at.size).op("i32.lt_u").select().set(at.size);
  let number = at.clock?.first ?? 0;
  parts.forEach((calls, i) => {
    const { samples: most, sums } = blocks.parts[i];
    code.i32(0).set(at.from);
    for (const sum of sums) {
      address(code, sum.at, at);
      code.i32(0).i32(sum.bytes).op("memory.fill");
    }
    code.loop((again) => {
      least(code, most, () => code.get(at.size).get(at.from).op("i32.sub")).set(at.count);
      for (const { call, f } of calls) {
        for (const arg of call.args) address(code, arg, at);
        code.get(at.count);
        if (call.kernel.first) code.get(at.start).get(at.from).op("i32.add");
        if (call.kernel.begun) code.get(at.from);
        code.call(f);
        if (at.clock) code.i32(number++).call(at.clock.tick);
      }
      code.get(at.from).i32(most).op("i32.add").tee(at.from).get(at.size).op("i32.lt_u").brIf(again);
    });
  });
}

/** Pushes the smaller of a constant and what is pushed. */
function least(code: Code, constant: number, push: () => Code): Code {
  const other = code.local("i32");
  push().set(other);
  return code.i32(constant).get(other).i32(constant).get(other).op("i32.lt_u").select();
}

function address(code: Code, to: Address, at: At): void {
  const moved = (bytes: number | undefined, ...by: LocalRef[]) => {
    if (!bytes) return;
    by.forEach((local, i) => {
      code.get(local);
      if (i > 0) code.op("i32.add");
    });
    code.i32(bytes).op("i32.mul").op("i32.add");
  };
  code.i32(to.base);
  if (at.thread) moved(to.thread, at.thread);
  moved(to.team, at.team);
  moved(to.sample, at.start, at.from);
  moved(to.teamSample, at.from);
}
