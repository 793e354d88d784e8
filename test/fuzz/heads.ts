/** Random ends of a model: the loss with what it compares, metrics, the optimizer and its schedule. */
import type { Shape } from "./layers.ts";
import { line, type RandomModel, type Step } from "./program.ts";
import type { Random } from "./random.ts";

type Head = Pick<RandomModel, "target" | "head" | "loss" | "metrics" | "definitions">;

const numbers = (random: Random, count: number): string =>
  Array.from({ length: count }, () => (0.25 + random.below(8) / 4).toString()).join(", ");

/** Of a net that gives `shape`. */
export function randomHead(random: Random, shape: Shape): Head {
  const flat: Step[] = shape.length === 1 ? [] : [line("flatten")];
  const classes = random.from(2, 11);
  const head = random.chance(0.6) ? classHead(random, classes) : valueHead(random, classes);
  const extra = random.chance(0.15) ? ` + ${random.of(["0.1", "1e-2"])} * mean(net ^ 2)` : "";
  return { ...head, head: [...flat, ...head.head], loss: `${head.loss}${extra}` };
}

function classHead(random: Random, classes: number): Head {
  const smoothing = random.chance(0.3) ? ", label_smoothing = 0.1" : "";
  const weight = random.chance(0.25) ? `, weight = [${numbers(random, classes)}]` : "";
  const ignored = random.chance(0.15) ? `, ignore_index = ${random.below(classes)}` : "";
  const reduction = random.chance(0.2) ? ", reduction = sum" : "";
  const entropy = `cross_entropy(net, label${weight}${ignored}${smoothing}${reduction})`;
  const logits = line(`linear(${classes})`);
  const plain = {
    target: `target label: class[${classes}]`,
    head: [logits],
    definitions: [],
    metrics: ["accuracy(net, label)"],
  };
  return random.of([
    { ...plain, loss: entropy },
    { ...plain, loss: entropy },
    { ...plain, loss: entropy, metrics: ["top_k(net, label, k = 2)", "error_rate(net, label)"] },
    { ...plain, loss: `mean(cross_entropy(net, label${smoothing}, reduction = none) ^ 2)` },
    { ...plain, head: [logits, line("log_softmax")], loss: `nll(net, label${weight}${ignored})` },
    { ...plain, loss: `multi_margin(net, label, p = ${random.from(1, 2)}${weight})` },
    { ...plain, loss: `0.7 * ${entropy} + 0.3 * mse(softmax(net), one_hot(label, ${classes}))` },
    { ...plain, loss: `-mean(log(sum(softmax(net) * one_hot(label, ${classes}), axis = 1)))` },
  ]);
}

function valueHead(random: Random, size: number): Head {
  const head = [line(`linear(${size})`)];
  const target = `target values: f32[${size}]`;
  const metrics = random.chance(0.4) ? ["mean_absolute_error(net, values)", "mean_squared_error(net, values)"] : [];
  const reduction = random.chance(0.2) ? ", reduction = sum" : "";
  const plain = { target, head, metrics, definitions: [] };
  return random.of([
    ...["l1", "mse", "soft_margin", "hinge"].map((name) => ({ ...plain, loss: `${name}(net, values${reduction})` })),
    { ...plain, loss: `smooth_l1(net, values, beta = 0.5${reduction})` },
    { ...plain, loss: `huber(net, values, delta = 0.3${reduction})` },
    { ...plain, loss: `bce_with_logits(net, sigmoid(values), pos_weight = 2${reduction})` },
    { ...plain, head: [...head, line("sigmoid")], loss: `bce(net, sigmoid(values)${reduction})` },
    { ...plain, head: [...head, line("log_softmax")], loss: "kl_div(net, softmax(values), reduction = batchmean)" },
    { ...plain, loss: "cross_entropy(net, softmax(values))" },
    { ...plain, loss: "0.5 * mse(net, values) + 0.25 * l1(net, values)" },
    { ...plain, loss: "mean(sqrt(sum((net - values) ^ 2, axis = 1) + 1e-2))" },
    {
      ...plain,
      definitions: ["loss charbonnier(pred, target, eps = 0.1) = sqrt((pred - target) ^ 2 + eps ^ 2)\n"],
      loss: `charbonnier(net, values${reduction})`,
    },
  ]);
}

const SCHEDULES = [
  "step(0.1, step_size = 1)",
  "multi_step(0.1, milestones = [1, 2], gamma = 0.5)",
  "exponential(0.1, gamma = 0.7)",
  "cosine(0.1)",
  "cosine_warm_restarts(0.1, T_0 = 2, at = step)",
  "linear(0.1, at = step)",
  "polynomial(0.1, total_iters = 3, power = 2)",
  "piecewise_linear([0.1, 0.2, 0.05], milestones = [0, 1, 4], at = step)",
  "warmup(cosine(0.1), total_iters = 2)",
  "one_cycle(max_lr = 0.2)",
  "0.1 / (1 + step)",
];

const OWN_OPTIMIZERS = [
  `optimizer own(lr: scalar = 0.1, beta: number = 0.8) {
  state average = first_step ? grad : beta * average + (1 - beta) * grad
  state energy = energy + average ^ 2
  param -= lr * average / (1 + sqrt(energy))
}
`,
  `optimizer own(lr: scalar = 0.1, decay: number = 0.01) {
  let g = grad / (1 + abs(grad))
  state slow = slow + (param - slow) / t
  param = param * (1 - lr * decay) - lr * g
  param += 0.1 * (slow - param)
}
`,
  `optimizer own(lr: scalar = 0.1) {
  param -= lr * grad / (0.1 + sqrt(mean(grad ^ 2)))
}
`,
];

/** Denominators are kept away from 0: where a gradient is 0 but for rounding, adam divides that by itself. */
export function randomOptimizer(random: Random): { optimizer: string; definitions: string[] } {
  const lr = `lr = ${random.chance(0.5) ? random.of(["0.1", "0.5", "0.03"]) : random.of(SCHEDULES)}`;
  const decay = random.chance(0.3) ? ", weight_decay = 0.05" : "";
  const maximize = random.chance(0.1) ? ", maximize = true" : "";
  const rest = `${decay}${maximize})`;
  const known = [
    `sgd(${lr}${rest}`,
    `sgd(${lr}${rest}`,
    `sgd(${lr}, momentum = 0.9${random.of([", nesterov = true", ", dampening = 0.2", ""])}${rest}`,
    `adam(${lr}, eps = 0.1${random.of(["", ", amsgrad = true"])}${rest}`,
    `adamw(${lr}, betas = [0.8, 0.95], eps = 0.1)`,
    `rmsprop(${lr}, eps = 0.1${random.of(["", ", momentum = 0.5", ", centered = true"])}${rest}`,
    `adagrad(${lr}, eps = 0.1, lr_decay = 0.1${rest}`,
    `adadelta(${lr}, eps = 0.1${rest}`,
    `adamax(${lr}, eps = 0.1${rest}`,
    `nadam(${lr}, eps = 0.1${rest}`,
    `radam(${lr}, eps = 0.1${rest}`,
    `lion(${lr}${rest}`,
    "rprop(lr = 0.01)",
    `muon(${lr}, adamw_eps = 0.1)`,
  ];
  if (random.chance(0.8)) return { optimizer: random.of(known), definitions: [] };
  return { optimizer: `own(${lr})`, definitions: [random.of(OWN_OPTIMIZERS)] };
}
