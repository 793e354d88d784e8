/**
 * Steps of a net by the shape that they work on (see template.ts for the notation). Some do not fit: the generator tries them
 * first. `test/fuzz/tables.test.ts` holds the tables to the library: all of it is in them, and each entry fits somewhere.
 */
import type { Random } from "./random.ts";
import { expand } from "./template.ts";

/** Without the axis of samples: [channels, height, width], [tokens, features] or [features]. */
export type Shape = readonly number[];

const SIZE2 = "<1|2|2|[1, 2]>";
const SIZE3 = "<1|2|3|2|3|[1, 3]|[2, 1]>";
const SIZE5 = "<1|2|3|4|5|3|5|[1, 3]|[5, 2]|[3, 4]>";
const NO_BIAS = "<|||, bias = false>";
const EPS = "eps = <1e-3|1e-2>";
const WEIGHTS =
  "<||||||||, weight_init = <kaiming_normal|kaiming_uniform(mode = fan_out, nonlinearity = relu)|xavier_uniform|xavier_normal(gain = 1.2)|orthogonal|trunc_normal(std = 0.2)|normal(std = 0.1)|uniform(±0.2)|constant(0.1)>>";
const BIASES = "<||||||||, bias_init = <zeros|ones>>";
const FROZEN = "<|||||||||||, requires_grad = false>";
const LEARNED = `${NO_BIAS}${WEIGHTS}${BIASES}${FROZEN}`;
const BORDER = "<||||||||, padding_mode = <reflect|replicate|circular>>";
const NORM_FLAGS = `<|||, momentum = <none|0.3>><||||, affine = false><||||, track_running_stats = false><||||, bias = false>`;
const ACTIVATION = "<relu|gelu|tanh|leaky_relu(0.1)|$own>";

export const ACTIVATIONS: readonly string[] = [
  "<tanh|sigmoid|relu|gelu|silu|elu|selu|celu|mish|softplus|relu6|leaky_relu|sin|cos|erf>",
  "<relu|softsign|hardtanh|log_sigmoid|hardswish|hardsigmoid|tanhshrink|softshrink|hardshrink|rrelu|abs>",
  "<leaky_relu(0.2)|elu(0.7)|celu(0.5)|softplus(2)|clamp(-0.5, 1)|clamp(max = 0.3)|gelu(approximate = tanh)|hardtanh(-0.5, 0.7)|softshrink(0.2)>",
  "<hardshrink(0.1)|threshold(0.1, value = -0.3)|rrelu(0.1, 0.4)|prelu|prelu(init = 0.1)|prelu($channels)>",
];

/** Definitions of the user's; those that a model uses stand in it. */
export const DEFINITIONS: readonly string[] = [
  "fn doubled(x: tensor, factor, axis) = concat([x, x * factor], axis = axis)\n",
  "fn gram(x: tensor, scale) = x @ transpose(x, [0, 2, 1]) / scale\n",
  `layer twice(body: function, act: function = identity) {
  in |> first: body |> act |> second: body
}
`,
  `layer around(body: function, share_of: number = 0.5) {
  let y = in |> inner: body
  if y.shape == in.shape then in + share_of * y else y
}
`,
  `layer weighted_sum(in: f32[n, channels, ...], weight_of: number = 1) {
  param weight[channels] ~ uniform(0.5, 1.5)
  assert channels >= 1, "no channels in {in}"
  weight_of * in * along(weight, in)
}
`,
  "fn along(v, x) = reshape(v, join(v.shape, ntuple(1, x.rank - 2)))\n",
  `layer centred {
  buffer offset[sublist(in.shape, 1)] = 0
  update offset = 0.75 * offset + 0.25 * mean(in, axis = 0)
  in - offset
}
`,
  `fn noisy(x: tensor, size) = training ? x + size * (random_uniform(x.shape) - 0.5) : x
`,
  `fn kept(x: tensor, p) {
  let draws = random_integers([n], 10)
  training ? where(reshape(draws, join([n], ntuple(1, x.rank - 1))) < 10 * p, x, 0.5 * x) : x
}
`,
  `layer own_convolution(k: size) {
  param kernel[k, in.channels, 3, 3] ~ normal(std = 0.2)
  convolve2d(in, kernel, stride = pair(1), padding = 1) / sqrt(product([in.channels, 3, 3]))
}
`,
  `layer own_transposed(k: size) {
  param kernel[in.channels, k, 2, 2] ~ uniform(-0.3, 0.3)
  convolve_transpose2d(in, kernel, stride = 2) |> scale(0.5)
}
`,
  "fn range_of(x) = window_max2d(x, 2, stride = 1) - window_sum2d(x, [2, 2], stride = 1) / 4\n",
  `fn rows_of(x) {
  let index = argmax(x, axis = -1)
  x + unsqueeze(cast_of(index, x.shape[x.rank - 1]), -1)
}
`,
  "fn cast_of(index, count) = sum(one_hot(index, count) * arange(count), axis = -1) / count\n",
  `layer looked_up(rows: size) {
  param table[rows, 3] ~ normal(std = 0.5)
  let y = gather_rows(table, argmax(in, axis = -1))
  concat([reshape(in, [n, in.size]), reshape(y, [n, y.size])])
}
`,
  "fn pieces(x: tensor, length) = x |> unfold(axis = -1, size = length, step = 1) |> max(axis = -1)\n",
  "fn stacked(x) = stack([x, tanh(x)], axis = -1) |> mean(axis = -1)\n",
  "fn halves(x) { let parts = chunk(x, 2); sum(parts[0], axis = 1, keepdim = true) * sigmoid(parts[len(parts) - 1]) }\n",
  "fn mixed(x) { let parts = split(x, 1); parts[0] + largest([0.25, smallest(range(2))]) * parts[len(parts) - 1] }\n",
  `fn window(x: tensor, size) = dynamic_slice(x, concat([random_integers([n, 1], 2), random_integers([n, 1], 3)]), [size, size])
`,
  "fn spread_out(x) = broadcast(mean(x, axis = 0), x.shape) * 0.5 + x\n",
];

const ANYWHERE: readonly string[] = [
  ...ACTIVATIONS,
  "<identity|stacked|spread_out|centred|weighted_sum|weighted_sum(weight_of = 0.5)|rows_of>",
  "<dropout|dropout|alpha_dropout>(<0.1|0.5>)",
  "<drop_path|stochastic_depth>(<0.2|0.5, mode = batch>)",
  `layer_norm(${EPS}<|||, elementwise_affine = false|, bias = false>)`,
  `rms_norm(${EPS}<||, elementwise_affine = false>)`,
  `group_norm($group, ${EPS}<|||, affine = false|, bias = false>)`,
  "<softmax|log_softmax|softmin>(axis = <1|-1>)",
  "reverse(axis = $axis)",
  "doubled(<2|-0.5>, $axis)",
  "<glu|swiglu|geglu>(axis = <1|-1>)",
  "slice(axis = $axis, start = <0|0|1|2><||, stop = <1|2|3|4>><||, step = 2>)",
  "pad([0, $pads], [0, $pads]<|, value = 0.5>)",
  "<permute([0, $order])|transpose([0, $order])|movedim($axis, $axis)|movedim(1, -1)>",
  "roll(<1|-1|2|5>, axis = $axis)",
  "<noisy(0.5)|kept(<0.3|0.7>)>",
  "<halves|mixed>",
  "pieces(<2|3>)",
  "looked_up($features)",
  `twice(body = $own<|, act = $own|, act = tanh>)`,
  "around(body = <layer_norm(eps = 1e-2)|$own|noisy(size = 0.2)><||, share_of = 0.25>)",
  "<scale(<0.5|-1>)|scale(0.5, offset = 0.1)>",
  "<random_uniform([n, $sizes]) * in|in * sigmoid(in)|in + 0.5 * (in |> tanh)>",
];

const CONVOLUTIONS: readonly string[] = [
  `conv2d($width, kernel = ${SIZE5}<||, stride = ${SIZE3}><||, padding = <1|2|same|valid|[1, 0]>><|||||, dilation = ${SIZE2}>${BORDER}${LEARNED})`,
  "conv2d(<4|8|12|16|7>, kernel = 3, padding = 1<||||, algorithm = <direct|winograd2|winograd4|winograd6>>)",
  "conv2d(<4|8|5>, kernel = <3|5>, padding = same<||||, algorithm = <winograd2|winograd4>>)",
  `conv2d($multiple, kernel = 3, padding = 1, groups = $group${LEARNED})`,
  `conv2d($channels, kernel = ${SIZE3}, groups = $channels<|, stride = 2|, padding = 1>)`,
  `conv2d($channels, kernel = 3, padding = 1, weight_init = dirac)`,
];

const IMAGES: readonly string[] = [
  ...CONVOLUTIONS,
  ...CONVOLUTIONS,
  `conv_transpose2d($width, kernel = ${SIZE3}<|, stride = 2|, stride = 3><||, padding = 1><|||, output_padding = 1><|||, dilation = 2>${LEARNED})`,
  "conv_transpose2d($multiple, kernel = 2, stride = 2, groups = $group)",
  `max_pool2d(${SIZE3}<|, stride = ${SIZE3}><||, padding = 1><|||, dilation = 2><|||, ceil_mode = true>)`,
  `avg_pool2d(${SIZE3}<|, stride = ${SIZE3}><||, padding = 1><|||, ceil_mode = true><|||, count_include_pad = false><|||, divisor_override = 3>)`,
  "max_pool2d(2)",
  `lp_pool2d(<2|2|4>, kernel = ${SIZE3}<||, stride = 1><|||, ceil_mode = true>)`,
  "<adaptive_avg_pool2d|adaptive_max_pool2d>(<1|2|3|4|[2, 3]>)",
  `batch_norm2d(${EPS}${NORM_FLAGS}${FROZEN})`,
  "batch_norm2d(eps = 1e-3<|, momentum = 0.2>)",
  "instance_norm2d(eps = 1e-2<|, affine = true><||, track_running_stats = true>)",
  "layer_norm([$sizes])",
  "local_response_norm(<1|2|3|4><|, alpha = 0.1><||, beta = 0.5, k = 2>)",
  "<dropout2d|feature_alpha_dropout>(<0.1|0.5>)",
  `squeeze_excitation(<1|2|3|5><||, activation = ${ACTIVATION}><||, scale_activation = hardsigmoid>)`,
  "<zero_pad2d|reflection_pad2d|replication_pad2d|circular_pad2d>(<1|[1, 0, 2, 1]|[-1, 1, 0, 1]>)",
  "constant_pad2d(1, 0.5)",
  "upsample(<scale_factor = <2|3|[1, 2]|1.5>|size = <3|[4, 5]>><|, mode = <bilinear|bilinear, align_corners = true|bicubic|nearest_exact>>)",
  "<pixel_shuffle|pixel_unshuffle>(2)",
  "channel_shuffle($group)",
  "<positional_embedding|random_flip|random_flip(0.3, direction = vertical)>",
  "random_crop(<padding = <1|2>|size = <2|3>><||, padding_mode = <reflect|replicate>>)",
  "<center_crop|cutout|resize>(<2|3|[3, 2]>)",
  "color_jitter(brightness = 0.3, contrast = [0.5, 1.5], saturation = 0.4<|, hue = 0.1>)",
  "<normalize(mean = [$list], std = [$list])|range_of>",
  "window(<1|2>)",
  "<global_avg_pool2d|global_max_pool2d|flatten|flatten|flatten>",
  "flatten(start_dim = 2) |> permute([0, 2, 1])",
  "<own_convolution|own_transposed>(<2|4|5>)",
  "around(body = <conv2d($channels, kernel = 3, padding = 1)|batch_norm2d(eps = 1e-2)|squeeze_excitation(2)>)",
  "twice(body = conv2d($channels, kernel = <1|3>, padding = same), act = <tanh|batch_norm2d(eps = 1e-2)>)",
  "in * per_channel(constants([$list]))",
];

const SEQUENCES: readonly string[] = [
  `linear($width${LEARNED})`,
  "linear($width, weight_init = <eye|sparse(0.5, std = 0.3)>)",
  "multi_head_attention($heads<||, dropout = 0.2><||, bias = false><||, is_causal = true><|||, key = 2 * in><|||, add_bias_kv = true><|||, add_zero_attn = true>)",
  "multi_head_attention($heads, attn_mask = <arange($channels) > reshape(arange($channels), [$channels, 1]) + 1|0.1 * in @ transpose(in, [0, 2, 1]) |> reshape([n, 1, $channels, $channels])>)",
  "multi_head_attention($heads, key_padding_mask = sum(in, axis = 2) > 5)",
  `transformer_encoder_layer($heads, dim_feedforward = $width, dropout = <0|0.1>, layer_norm_eps = 1e-3<|, activation = ${ACTIVATION}><|, norm_first = true><|||, bias = false>)`,
  "transformer_decoder_layer(tanh(in), $heads, dim_feedforward = $width, dropout = <0|0.1>, layer_norm_eps = 1e-3<|, norm_first = true>)",
  "<class_token|positional_embedding(<0.02|0.5>)|sinusoidal_embedding>",
  `<batch_norm1d|instance_norm1d>(${EPS}<|, affine = false>)`,
  "instance_norm1d(eps = 1e-2, affine = true<|, track_running_stats = true>)",
  `conv1d($width, kernel = <1|2|3><|, padding = same|, padding = 1><||, stride = 2><|||, dilation = 2>${BORDER}${LEARNED})`,
  "conv1d($multiple, kernel = 1, groups = $group)",
  `conv_transpose1d($width, kernel = <1|2|3><|, stride = 2><||, padding = 1>${LEARNED})`,
  "max_pool1d(<2|3><|, stride = <1|2>><||, padding = 1><||, ceil_mode = true><|||, dilation = 2>)",
  "avg_pool1d(<2|3><|, stride = <1|2>><||, padding = 1><||, count_include_pad = false>)",
  "lp_pool1d(2, kernel = 2<||, stride = 1>)",
  "<adaptive_avg_pool1d|adaptive_max_pool1d>(<1|2|3>)",
  "<zero_pad1d|reflection_pad1d|replication_pad1d|circular_pad1d>(<1|[1, 0]>)",
  "constant_pad1d([0, 2], -0.5)",
  "<dropout1d|feature_alpha_dropout>(<0.1|0.4>)",
  "upsample(<scale_factor = <2|1.5>|size = 4><|, mode = linear>)",
  "channel_shuffle($group)",
  "<mean|max|sum|min>(axis = <1|2>)",
  "gram($most)",
  "<global_avg_pool1d|global_max_pool1d|flatten|flatten>",
  "unflatten(2, [$half, $other_half])",
  "<unsqueeze(1)|unsqueeze(-1)>",
  "twice(body = linear($features), act = $own)",
];

const VECTORS: readonly string[] = [
  `linear($width${LEARNED})`,
  "linear(<4|8|13|16|32>)",
  "linear($width, weight_init = <eye|sparse(0.5, std = 0.3)>)",
  "bilinear(<1|3|4><|, bias = false><|, other = tanh(in)>)",
  "batch_norm1d(eps = 1e-3<||, momentum = none><||, bias = false>)",
  "reshape([n, $half, $other_half, 1])",
  "reshape([n, $half, $other_half])",
  "unflatten(1, [$half, $other_half])",
  "unsqueeze(1) |> squeeze(1)",
  "around(body = linear($features<|, bias = false>))",
];

/** For the first image of the net, in the data clause: layers without parameters. */
export const DATA_STEPS: readonly string[] = [
  "scale(<0.5|2><|, offset = -0.25>)",
  "<normalize|normalize|normalize(mean = [$list], std = [$list])>",
  "<random_flip|random_flip(0.4)|random_flip(direction = vertical)>",
  "random_crop(padding = <1|2|[0, 1]><|, padding_mode = <reflect|replicate>>)",
  "<random_crop|center_crop>(<2|3|[4, 3]>)",
  "cutout(<1|2|3|[1, 4]><||, fill = 0.5>)",
  "color_jitter(brightness = 0.3<|, contrast = 0.4><|, saturation = [0.5, 1.5]><|, hue = 0.2>)",
  "resize(<3|4|5|[4, 6]><|, antialias = false>)",
  "avg_pool2d(2, ceil_mode = true)",
  "noisy(0.2)",
];

export const TABLES: readonly { readonly rank: number; readonly steps: readonly string[] }[] = [
  { rank: 3, steps: [...IMAGES, ...ANYWHERE, ...DATA_STEPS] },
  { rank: 2, steps: [...SEQUENCES, ...ANYWHERE] },
  { rank: 1, steps: [...VECTORS, ...ANYWHERE] },
];

const divisors = (value: number): number[] =>
  Array.from({ length: value }, (_, i) => i + 1).filter((d) => value % d === 0);

/** A step for values of this shape; `own` is a function of the user's. */
export function stepText(template: string, random: Random, shape: Shape, own: () => string): string {
  const [channels, features] = [shape[0], shape[shape.length - 1]];
  const group = random.of(divisors(channels));
  const half = random.of(divisors(features));
  return expand(template, random, {
    own,
    channels,
    features,
    group,
    half,
    other_half: features / half,
    sizes: shape.join(", "),
    most: Math.max(channels, features),
    multiple: () => group * random.from(1, 4),
    heads: () => random.of(divisors(features)),
    width: () => random.of([1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 16, 20]),
    axis: () => random.from(1, shape.length),
    order: () =>
      shape
        .map((_, i) => i + 1)
        .sort(() => random.unit() - 0.5)
        .join(", "),
    pads: () => shape.map(() => random.below(3)).join(", "),
    list: () => Array.from({ length: channels }, () => 0.25 + random.below(8) / 4).join(", "),
  });
}

/** A step that may be applied to values of this shape. */
export function randomStep(random: Random, shape: Shape, own: () => string): string {
  const table = shape.length === 3 ? IMAGES : shape.length === 2 ? SEQUENCES : VECTORS;
  return stepText(random.of(random.chance(0.3) ? ANYWHERE : table), random, shape, own);
}
