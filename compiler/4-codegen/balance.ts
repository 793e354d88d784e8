/** Which of several loops to share out among threads. */

const TEAMS = [2, 4, 8];
const GOOD = 0.85;

/** How much of their time 2, 4 and 8 threads are busy with `trips` iterations of equal length, on average: 1 is all of it. */
export function balance(trips: number): number {
  const busy = TEAMS.map((threads) => trips / (threads * Math.max(1, Math.ceil(trips / threads))));
  return busy.reduce((sum, b) => sum + b, 0) / TEAMS.length;
}

/** The index of the first loop that is balanced well, or else of the one that is balanced best; outermost first. */
export function bestBalanced(trips: readonly number[]): number {
  const balances = trips.map(balance);
  const good = balances.findIndex((b) => b >= GOOD);
  return good >= 0 ? good : balances.indexOf(Math.max(...balances));
}
