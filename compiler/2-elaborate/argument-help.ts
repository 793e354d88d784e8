/** What to write instead of an argument that there is not: one of nearly that name, or what PyTorch's argument is here. */
import { didYouMean } from "./context.ts";

/** PyTorch's name and ours. */
const CALLED: ReadonlyMap<string, string> = new Map([
  ["dim", "axis"],
  ["dims", "axes"],
  ["kernel_size", "kernel"],
]);

const COUNTED = "leave it out: the compiler counts them";
const LEFT_OUT: ReadonlyMap<string, string> = new Map([
  ["in_channels", COUNTED],
  ["in_features", COUNTED],
  ["num_features", COUNTED],
  ["num_channels", COUNTED],
  ["d_model", COUNTED],
  ["embed_dim", COUNTED],
  ["batch_first", "leave it out: the first axis is always that of the samples"],
  ["inplace", "leave it out: the compiler decides what is computed in place"],
  ["device", "leave it out: artifacts compute on the processor"],
  ["dtype", "leave it out: all floats of a model have one type"],
]);

export function argumentHelp(name: string, params: readonly string[]): { help?: string } {
  const ours = CALLED.get(name);
  if (ours !== undefined && params.includes(ours)) return { help: `did you mean \`${ours}\`?` };
  const reason = LEFT_OUT.get(name);
  return reason === undefined ? didYouMean(name, params) : { help: reason };
}
