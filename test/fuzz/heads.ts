/** Ends of a net with what they are compared with, losses, metrics (see template.ts for the notation). */
import type { Shape } from "./layers.ts";
import type { Random } from "./random.ts";
import { expand } from "./template.ts";

/** `$net` is the net's value, `$y` the target, `$k` a size that both have, `$h` and `$w` those of an image. */
export interface Head {
  readonly target: string;
  /** From vectors, or from images where `images` says so. */
  readonly end: string;
  readonly losses: readonly string[];
  readonly metrics: readonly string[];
  readonly images?: boolean;
}

const REDUCTION = "<|||, reduction = sum>";
const CLASSES = "<||, weight = [$weights]><|||, ignore_index = $class>";
const CLASS_METRICS = [
  "accuracy($net, $y)",
  "top_k($net, $y, k = 2)",
  "error_rate($net, $y)",
  "<confusion_matrix|precision|recall>($net, $y)",
  "<mean|min>(<precision|recall>($net, $y))",
];
const VALUE_METRICS = [
  "<mean_absolute_error|mean_squared_error>($net, $y)",
  "mean(pairwise_distance($net, $y<|, p = 1>))",
  "mean(cosine_similarity($net, $y))",
  "max($net)",
];
const SIGNS = "where($y > 0, 1, -1)";

export const HEADS: readonly Head[] = [
  {
    target: "class[$k]",
    end: "linear($k)",
    metrics: CLASS_METRICS,
    losses: [
      `cross_entropy($net, $y${CLASSES}<||, label_smoothing = 0.1>${REDUCTION})`,
      `cross_entropy($net, $y${CLASSES}<||, label_smoothing = 0.1>${REDUCTION})`,
      "mean(cross_entropy($net, $y<|, label_smoothing = 0.1>, reduction = none) ^ 2)",
      `nll(log_softmax($net), $y${CLASSES}${REDUCTION})`,
      "multi_margin($net, $y, p = <1|2><|, margin = 0.5><||, weight = [$weights]>)",
      "0.7 * cross_entropy($net, $y) + 0.3 * mse(softmax($net), one_hot($y, $k))",
      "-mean(log(sum(softmax($net) * one_hot($y, $k), axis = 1)))",
    ],
  },
  {
    target: "class[$k, $h, $w]",
    end: "conv2d($k, kernel = 1)",
    images: true,
    metrics: [],
    losses: [`cross_entropy($net, $y<||, weight = [$weights]>${REDUCTION})`, "nll($net |> log_softmax, $y)"],
  },
  {
    target: "f32[$k]",
    end: "linear($k)",
    metrics: VALUE_METRICS,
    losses: [
      `<l1|mse>($net, $y<||, weight = sigmoid($y)>${REDUCTION})`,
      `smooth_l1($net, $y, beta = <0|0.5>${REDUCTION})`,
      `huber($net, $y, delta = 0.3<||, weight = abs($y)>${REDUCTION})`,
      `<soft_margin|hinge|hinge_embedding>($net, ${SIGNS}${REDUCTION})`,
      `bce_with_logits($net, sigmoid($y)<|, pos_weight = 2><||, weight = [$weights]>${REDUCTION})`,
      `bce(sigmoid($net), sigmoid($y)<||, weight = 0.5>${REDUCTION})`,
      "multilabel_soft_margin($net, where($y > 0, 1, 0)<|, weight = [$weights]>)",
      "kl_div(log_softmax($net), softmax($y)<|, reduction = batchmean>)",
      "kl_div(log_softmax($net), log_softmax($y), log_target = true)",
      "cross_entropy($net, softmax($y))",
      "poisson_nll(<$net, abs($y)|softplus($net), abs($y), log_input = false, eps = 1e-2><|, full = true>)",
      "gaussian_nll($net, $y, var = <0.5|softplus($net) + 0.1><|, full = true>)",
      `cosine_embedding($net, $y, sign(sum($y, axis = 1))<|, margin = 0.2>)`,
      `margin_ranking($net, $y, ${SIGNS}<|, margin = 0.1>)`,
      "triplet_margin($net, $y, 2 * $y - 1<|, swap = true><||, p = 1>)",
      "triplet_margin_with_distance($net, $y, 1 - $y<|, distance_function = cosine_similarity><|, swap = true>)",
      "0.5 * mse($net, $y) + 0.25 * l1($net, $y)",
      "mean(sqrt(sum(($net - $y) ^ 2, axis = 1) + 1e-2))",
      `charbonnier($net, $y${REDUCTION})`,
    ],
  },
];

export const LOSSES = ["loss charbonnier(pred, target, eps = 0.1) = sqrt((pred - target) ^ 2 + eps ^ 2)\n"];

/** What is added to a loss. */
const EXTRA = "<0.1|1e-2> * mean($net ^ 2)";

export interface Ending {
  readonly target: string;
  readonly end: string;
  readonly loss: string;
  readonly metrics: readonly string[];
}

/** The end of a net, or of one output of it, whose value is called `net` and whose target `y`. */
export function randomEnding(random: Random, shape: Shape, net: string, y: string): Ending {
  const fitting = HEADS.filter(({ images = false }) => !images || (shape.length === 3 && random.chance(0.5)));
  return endingOf(random.of(fitting), random, shape, net, y);
}

export function endingOf(head: Head, random: Random, shape: Shape, net: string, y: string): Ending {
  const { target, end, losses, metrics, images = false } = head;
  const k = random.from(2, 11);
  const names = {
    net,
    y,
    k,
    h: shape[1],
    w: shape[2],
    class: () => random.below(k),
    weights: () => Array.from({ length: k }, () => 0.25 + random.below(8) / 4).join(", "),
  };
  const of = (text: string): string => expand(text, random, names);
  const flat = shape.length === 1 || images ? "" : "flatten |> ";
  const chosen = metrics.filter(() => random.chance(0.3)).map((metric) => of(metric));
  return {
    target: `target ${y}: ${of(target)}`,
    end: `${flat}${of(end)}`,
    loss: of(`${random.of(losses)}${random.chance(0.15) ? ` + ${EXTRA}` : ""}`),
    metrics: chosen.map((metric, i) => `${y}${i + 1}: ${metric}`),
  };
}
