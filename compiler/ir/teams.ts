/**
 * How a batch is cut into teams of samples, whatever the number of threads that share them out. The first teams have two units of
 * samples, the last ones one, so that a thread that comes late waits for half a team at most.
 */
export interface Teams {
  /** Samples of a unit. */
  readonly unit: number;
  /** How many teams have two units; all others have one. */
  readonly doubled: number;
}

/** Units of a full batch, if it has as many samples: 6 teams of two and 4 of one, which 2, 4 and 8 threads can share evenly. */
const UNITS = 16;
const DOUBLED = 6;
/** Batches of so few samples have teams of one sample. */
const FEW = 8;

export function teamsOf(batch: number): Teams {
  return batch <= FEW ? { unit: 1, doubled: 0 } : { unit: Math.ceil(batch / UNITS), doubled: DOUBLED };
}

/** The most samples of a team. */
export const samplesOfTeam = ({ unit, doubled }: Teams): number => (doubled > 0 ? 2 * unit : unit);

/** The teams of so many samples. */
export function countTeams({ unit, doubled }: Teams, samples: number): number {
  const units = Math.ceil(samples / unit);
  return Math.max(Math.ceil(units / 2), units - doubled);
}

/** In words: `the first 6 of 8 samples, others of 4`. */
export function sizesOf({ unit, doubled }: Teams): string {
  return doubled > 0 ? `the first ${doubled} of ${2 * unit} samples, others of ${unit}` : "each of 1 sample";
}
