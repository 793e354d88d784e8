/** Random steps of a net for values of a shape (without the sample axis). Some do not fit: the generator tries them first. */
import { ACTIVATIONS } from "./expressions.ts";
import { line, type Step } from "./program.ts";
import type { Random } from "./random.ts";

/** Without the axis of samples: [channels, height, width], [tokens, features] or [features]. */
export type Shape = readonly number[];

/** `f(a, b)` of the parts that are not empty. */
const call = (name: string, ...args: readonly string[]): Step => {
  const given = args.filter((arg) => arg !== "");
  return line(given.length === 0 ? name : `${name}(${given.join(", ")})`);
};
const maybe = (random: Random, p: number, text: string): string => (random.chance(p) ? text : "");
const width = (random: Random): number => random.of([1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 16, 20]);
const size = (random: Random, most: number): string => {
  const one = (): number => random.from(1, most);
  return random.chance(0.75) ? `${one()}` : `[${one()}, ${one()}]`;
};
const divisors = (value: number): number[] =>
  Array.from({ length: value }, (_, i) => i + 1).filter((d) => value % d === 0);

/** Functions that some of the steps use. */
export const HELPERS = `fn doubled(x, factor, axis) = concat([x, x * factor], axis = axis)
fn gram(x, scale) = x @ transpose(x, [0, 2, 1]) / scale
`;

type Layer = (random: Random, shape: Shape) => Step;

const anywhere: readonly Layer[] = [
  (random) => line(random.of(ACTIVATIONS)),
  (random) => line(random.of(ACTIVATIONS)),
  (random) => call("dropout", random.of(["0.1", "0.5"])),
  (random) => call("drop_path", random.of(["0.2", "0.5, mode = batch"])),
  (random) => call("layer_norm", maybe(random, 0.3, random.of(["elementwise_affine = false", "bias = false"]))),
  (random) => call("rms_norm", "eps = 1e-3", maybe(random, 0.3, "elementwise_affine = false")),
  (random, shape) => call("group_norm", `${random.of(divisors(shape[0]))}`, maybe(random, 0.3, "affine = false")),
  (random) => line(`${random.of(["softmax", "log_softmax", "softmin"])}(axis = ${random.of(["1", "-1"])})`),
  (random, shape) => call("reverse", `axis = ${random.from(1, shape.length)}`),
  (random, shape) => call("doubled", random.of(["2", "-0.5"]), `${random.from(1, shape.length)}`),
  (random) => line(`glu(axis = ${random.of(["1", "-1"])})`),
  (random, shape) => {
    const axis = random.from(1, shape.length);
    const start = random.below(shape[axis - 1]);
    const step = maybe(random, 0.3, "step = 2");
    return call("slice", `axis = ${axis}`, `start = ${start}`, maybe(random, 0.4, `stop = ${start + 2}`), step);
  },
  (random, shape) => {
    const around = (): string => `[0, ${shape.map(() => random.below(3)).join(", ")}]`;
    return call("pad", around(), around(), maybe(random, 0.5, "value = 0.5"));
  },
  (random, shape) => {
    const axes = shape.map((_, i) => i + 1).sort(() => random.unit() - 0.5);
    return call("permute", `[0, ${axes.join(", ")}]`);
  },
];

const images: readonly Layer[] = [
  ...Array.from(
    { length: 4 },
    (): Layer => (random) =>
      call(
        "conv2d",
        `${width(random)}`,
        `kernel = ${size(random, 5)}`,
        maybe(random, 0.25, `stride = ${size(random, 3)}`),
        random.of(["", "padding = 1", "padding = 2", "padding = same", "padding = [1, 0]"]),
        maybe(random, 0.15, `dilation = ${size(random, 2)}`),
        maybe(random, 0.3, "bias = false"),
        maybe(random, 0.1, `padding_mode = ${random.of(["reflect", "replicate", "circular"])}`),
      ),
  ),
  (random) => call("conv2d", `${random.of([4, 8, 12, 16, 7])}`, "kernel = 3", "padding = 1"),
  (random, [c]) => {
    const groups = random.of(divisors(c));
    return call("conv2d", `${groups * random.from(1, 4)}`, "kernel = 3", "padding = 1", `groups = ${groups}`);
  },
  (random, [c]) =>
    call("conv2d", `${c}`, `kernel = ${size(random, 3)}`, `groups = ${c}`, maybe(random, 0.4, "stride = 2")),
  (random, [c]) =>
    call(
      "conv_transpose2d",
      `${width(random)}`,
      `kernel = ${size(random, 3)}`,
      maybe(random, 0.6, "stride = 2"),
      maybe(random, 0.3, "padding = 1"),
      maybe(random, 0.2, "output_padding = 1"),
      maybe(random, 0.2, `groups = ${random.of(divisors(c))}`),
    ),
  ...(["max_pool2d", "avg_pool2d"] as const).map(
    (name): Layer =>
      (random) =>
        call(
          name,
          size(random, 3),
          maybe(random, 0.4, `stride = ${size(random, 3)}`),
          maybe(random, 0.3, "padding = 1"),
          maybe(random, 0.2, "ceil_mode = true"),
          name === "avg_pool2d" ? maybe(random, 0.3, "count_include_pad = false") : "",
        ),
  ),
  (random) => call(random.of(["adaptive_avg_pool2d", "adaptive_max_pool2d"]), size(random, 4)),
  (random) =>
    call(
      "batch_norm2d",
      maybe(random, 0.3, "eps = 1e-2"),
      maybe(random, 0.3, `momentum = ${random.of(["none", "0.3"])}`),
      maybe(random, 0.2, "affine = false"),
      maybe(random, 0.2, "track_running_stats = false"),
    ),
  (random) => call("batch_norm2d", "eps = 1e-3", maybe(random, 0.5, "momentum = 0.2")),
  (random) =>
    call(
      "instance_norm2d",
      "eps = 1e-2",
      maybe(random, 0.5, "affine = true"),
      maybe(random, 0.3, "track_running_stats = true"),
    ),
  (_, shape) => call("layer_norm", `[${shape.join(", ")}]`),
  (random) => call("local_response_norm", `${random.from(1, 4)}`, maybe(random, 0.5, "alpha = 0.1")),
  (random) => call("dropout2d", random.of(["0.1", "0.5"])),
  (random) => call("squeeze_excitation", `${random.from(1, 5)}`, maybe(random, 0.3, "scale_activation = hardsigmoid")),
  (random) =>
    call(
      random.of(["zero_pad2d", "reflection_pad2d", "replication_pad2d", "circular_pad2d"]),
      random.of(["1", "[1, 0, 2, 1]"]),
    ),
  () => call("constant_pad2d", "1", "0.5"),
  (random) =>
    call(
      "upsample",
      `scale_factor = ${random.of(["2", "3", "[1, 2]"])}`,
      maybe(random, 0.5, random.of(["mode = bilinear", "mode = bilinear, align_corners = true"])),
    ),
  (random) => call(random.of(["pixel_shuffle", "pixel_unshuffle"]), "2"),
  () => line("positional_embedding"),
  () => line("random_flip"),
  (random) => line(random.of(["global_avg_pool2d", "global_max_pool2d", "flatten", "flatten"])),
  () => line("flatten(start_dim = 2) |> permute([0, 2, 1])"),
];

const sequences: readonly Layer[] = [
  (random) => call("linear", `${width(random)}`, maybe(random, 0.3, "bias = false")),
  (random, shape) =>
    call(
      "multi_head_attention",
      `${random.of(divisors(shape[1]))}`,
      maybe(random, 0.3, "dropout = 0.2"),
      maybe(random, 0.3, "bias = false"),
      maybe(random, 0.3, "is_causal = true"),
    ),
  (random, shape) =>
    call(
      "transformer_encoder_layer",
      `${random.of(divisors(shape[1]))}`,
      `dim_feedforward = ${width(random)}`,
      `dropout = ${random.of(["0", "0.1"])}`,
      maybe(random, 0.5, "activation = gelu"),
      maybe(random, 0.5, "norm_first = true"),
    ),
  () => line("class_token"),
  () => line("positional_embedding"),
  (random) => call("batch_norm1d", "eps = 1e-3", maybe(random, 0.3, "affine = false")),
  (random) =>
    call(
      "conv1d",
      `${width(random)}`,
      `kernel = ${random.from(1, 3)}`,
      maybe(random, 0.4, "padding = same"),
      maybe(random, 0.2, "stride = 2"),
    ),
  (random) => line(`mean(axis = ${random.of(["1", "2"])})`),
  (random) => line(`max(axis = ${random.of(["1", "2"])})`),
  (_, [tokens, features]) => call("gram", `${Math.max(tokens, features)}`),
  () => line("flatten"),
];

const vectors: readonly Layer[] = [
  (random) => call("linear", `${width(random)}`, maybe(random, 0.3, "bias = false")),
  (random) => call("linear", `${random.of([4, 8, 13, 16, 32])}`),
  (random) => call("batch_norm1d", "eps = 1e-3", maybe(random, 0.3, "momentum = none")),
  (_, [features]) => {
    const c = divisors(features).at(-2) ?? 1;
    return line(`reshape([n, ${c}, ${features / c}, 1])`);
  },
  (random, [features]) => {
    const tokens = random.of(divisors(features));
    return line(`reshape([n, ${tokens}, ${features / tokens}])`);
  },
];

/** A step that may be applied to values of this shape. */
export function randomLayer(random: Random, shape: Shape): Step {
  const own = shape.length === 3 ? images : shape.length === 2 ? sequences : vectors;
  return random.of(random.chance(0.3) ? anywhere : own)(random, shape);
}
