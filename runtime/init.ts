/** Initial values of tensors: a function of the seed and the tensor's name alone, the same in float32 and float64. */
import type { Init } from "./abi.ts";
import { cos, log } from "./math.ts";
import { Stream } from "./philox.ts";

export function initialise(into: Float32Array | Float64Array, name: string, init: Init, seed: number): void {
  if (init.kind === "constant") {
    into.fill(init.value);
    return;
  }
  const stream = new Stream(seed, `init ${name}`);
  const sample = init.kind === "uniform" ? uniform(stream, init.low, init.high) : normal(stream, init.mean, init.std);
  for (let i = 0; i < into.length; i++) into[i] = Math.fround(sample(i));
}

function uniform(stream: Stream, low: number, high: number): (index: number) => number {
  return (index) => low + (high - low) * stream.uniform(index);
}

/** Box and Muller: √(−2 log u) · cos 2πv, with u in (0, 1) and v in [0, 1). */
function normal(stream: Stream, mean: number, std: number): (index: number) => number {
  return (index) => {
    const [first, second] = stream.draw(index);
    const u = (first + 0.5) / 0x1_0000_0000;
    return mean + std * Math.sqrt(-2 * log(u)) * cos((second / 0x1_0000_0000) * 6.283185307179586);
  };
}
