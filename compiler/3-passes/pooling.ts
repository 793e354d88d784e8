/**
 * Pooling in the registers of Winograd's transforms, where windows do not cross the edges of tiles: the inverse transform
 * writes the windows' maxima and their indices alone, and the transform of a gradient spreads it out as it reads it.
 */
import type { Value } from "../ir/graph.ts";
import { tilingOf } from "../ops/tiles.ts";
import type { Group } from "./fuse.ts";
import { isExactWindow } from "./inline.ts";

type UsersOf = (value: Value) => readonly Value[];

/** Whether an unpooled gradient need not be stored: its only readers transform whole windows of it. */
export function isSpreadWhenRead(unpool: Value, usersOf: UsersOf): boolean {
  if (unpool.op !== "max_unpool2d" || !isExactWindow(unpool)) return false;
  const users = usersOf(unpool);
  return users.length > 0 && users.every((user) => user.op === "tile" && fits(user, unpool, unpool));
}

/** Each inverse transform joined with the pooling of what it makes, where nothing else reads that. */
export function joinPools(groups: readonly Group[], usersOf: UsersOf, isResult: (value: Value) => boolean): Group[] {
  const makers = new Map(groups.flatMap((group) => group.outputs.map((output) => [output, group] as const)));
  const joined = new Map<Group, Group>();
  for (const pool of groups) {
    if (pool.anchor?.op !== "max_pool2d") continue;
    const [x] = pool.anchor.inputs;
    const maker = makers.get(x);
    const pools = (value: Value) => pool.anchor === value || pool.outputs.includes(value);
    if (maker?.anchor?.op !== "untile" || isResult(x) || !usersOf(x).every(pools)) continue;
    if (!isExactPool(pool.anchor) || !fits(maker.anchor, x, pool.anchor)) continue;
    const inside = new Set([...maker.inside, maker.anchor, x, pool.anchor, ...pool.inside]);
    for (const output of pool.outputs) inside.delete(output);
    joined.set(pool, { ...pool, anchor: maker.anchor, inside, pool: pool.anchor });
    joined.set(maker, pool);
  }
  return groups.flatMap((group) => {
    const other = joined.get(group);
    if (!other) return [group];
    return group.anchor?.op === "max_pool2d" ? [other] : [];
  });
}

/** Whether tiles fill the image exactly, and windows fill the tiles. */
function fits(tiled: Value, image: Value, pooling: Value): boolean {
  const { stride, padding, tiles, matrix } = tilingOf(tiled.attrs);
  const kernel = pooling.attrs.kernel as number[];
  const patch = tiled.op === "tile" ? matrix[0].length : matrix.length;
  const size = image.type.shape.slice(2) as number[];
  const whole = [0, 1].every(
    (axis) => padding[axis] === 0 && tiles[axis] * stride === size[axis] && stride % kernel[axis] === 0,
  );
  return whole && patch === stride;
}

function isExactPool({ attrs, inputs: [x], type }: Value): boolean {
  const [kernel, stride, padding] = [attrs.kernel, attrs.stride, attrs.padding] as number[][];
  const [size, windows] = [x, { type }].map((v) => v.type.shape.slice(2) as number[]);
  return (
    padding.every((p) => p === 0) && [0, 1].every((a) => kernel[a] === stride[a] && windows[a] * kernel[a] === size[a])
  );
}
