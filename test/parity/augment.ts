/** What a data clause's steps make of images in training: the value that the net is given, from a compiled program. */
import { parse } from "../../compiler/1-parse/parse.ts";
import { elaborate } from "../../compiler/2-elaborate/elaborate.ts";
import type { Tensor } from "../../compiler/ops/op.ts";
import { runPasses } from "../../compiler/pipeline.ts";
import { load, targets } from "../kernels/run.ts";

export interface Augmenting {
  /** The steps of the data clause. */
  readonly steps: string;
  /** [n, channels, height, width] */
  readonly shape: readonly number[];
  readonly backend?: keyof typeof targets;
}

export type Augment = (images: ArrayLike<number>, draw?: { seed?: number; step?: number }) => Tensor;

export async function augmenter({ steps, shape, backend = "wasm" }: Augmenting): Promise<Augment> {
  const [n, ...sizes] = shape;
  const text = `
model augmented {
  input image: f32[${sizes.join(", ")}]
  target label: class[2]
  net { all: identity }
  loss mean(net)
  optimizer sgd(lr = 0.1)
  data synthetic { ${steps} }
  train { batch = ${n} }
}`;
  const { module, builder, outputs } = elaborate(parse({ name: "augmented.model", text }));
  const shown = {
    ...module,
    programs: [{ name: "run", results: [{ name: "y", value: outputs[0].value }], updates: [] }],
  };
  const target = targets[backend];
  const { assembled, engine, write, read } = await load(runPasses(shown, builder, { target }), builder, target);
  const rng = new Int32Array(engine.memory, assembled.manifest.rng, 2);
  return (images, { seed = 0, step = 0 } = {}) => {
    rng.set([seed, step]);
    write("image", { shape, data: Float64Array.from(images) });
    engine.run("run", n);
    return read("run", "y", n);
  };
}
