/** Random optimizers with their schedules and groups, and settings of the train clause (see template.ts for the notation). */
import type { Random } from "./random.ts";
import { expand } from "./template.ts";

export const SCHEDULES: readonly string[] = [
  "constant(0.1, factor = 0.5)",
  "step(0.1, step_size = 1<|, gamma = 0.5>)",
  "multi_step(0.1, milestones = [1, 2], gamma = 0.5)",
  "exponential(0.1, gamma = 0.7)",
  "cosine(0.1<|, eta_min = 0.01><|, T_max = 3, at = step>)",
  "cosine_warm_restarts(0.1, T_0 = <1|2><|, T_mult = 2>, at = step)",
  "linear(0.1<|, end_factor = 0.2, total_iters = 2>, at = step)",
  "polynomial(0.1, total_iters = 3, power = <1|2>)",
  "piecewise([0.1, 0.2, 0.05], milestones = [1, 2], at = step)",
  "piecewise_linear([0.1, 0.2, 0.05], milestones = [0, 1, 4], at = step)",
  "warmup(<cosine(0.1)|0.2>, total_iters = 2)",
  "one_cycle(max_lr = 0.2<|, three_phase = true><|, anneal_strategy = linear>)",
  "0.1 / (1 + <step|epoch>)",
];

const REST = "<||, weight_decay = 0.05><||||||, maximize = true>";
const EPS = "eps = <0.1|0.1|1e-8>";

/** Where denominators are near 0, for a gradient that is 0 but for rounding, the noisy runs tell. */
export const OPTIMIZERS: readonly string[] = [
  `sgd($lr${REST})`,
  `sgd($lr${REST})`,
  `sgd($lr, momentum = <0.9|0.9|one_cycle_momentum><, nesterov = true|, dampening = 0.2|>${REST})`,
  `adam($lr, ${EPS}<|, amsgrad = true><||, decoupled_weight_decay = true>${REST})`,
  `adamw($lr, betas = [0.8, 0.95], ${EPS}<||, amsgrad = true>)`,
  `rmsprop($lr, ${EPS}<|, momentum = 0.5|, centered = true>${REST})`,
  `adagrad($lr, ${EPS}, lr_decay = 0.1<|, initial_accumulator_value = 0.2>${REST})`,
  `adadelta($lr, ${EPS}${REST})`,
  `adamax($lr, ${EPS}${REST})`,
  `nadam($lr, ${EPS}<|, decoupled_weight_decay = true>${REST})`,
  `radam($lr, ${EPS}<|, betas = [0.9, 0.7]>${REST})`,
  `asgd($lr<|, alpha = 0.5>${REST})`,
  `lion($lr${REST})`,
  "rprop(lr = 0.01<|, etas = [0.4, 1.5]>)",
  "muon($lr, adamw_eps = 0.1<|, nesterov = false><|, adjust_lr_fn = match_rms_adamw><|, ns_steps = 2>)",
  ...["own_average($lr)", "own_slow($lr)", "own_scaled($lr)"],
];

/** Optimizers of the user's. */
export const OWN_OPTIMIZERS: readonly string[] = [
  `optimizer own_average(lr: scalar = 0.1, beta: number = 0.8) {
  state average = first_step ? grad : beta * average + (1 - beta) * grad
  state energy = energy + average ^ 2
  param -= lr * average / (1 + sqrt(energy))
}
`,
  `optimizer own_slow(lr: scalar = 0.1, decay: number = 0.01) {
  let g = grad / (1 + abs(grad))
  state slow = slow + (param - slow) / t
  param = param * (1 - lr * decay) - lr * g
  param += 0.1 * (slow - param)
}
`,
  `optimizer own_scaled(lr: scalar = 0.1) {
  param -= lr * grad / (0.1 + sqrt(mean(grad ^ 2)))
}
`,
];

/** Some do not fit the parameters of a model. */
export const GROUPS: readonly string[] = [
  '"*.bias": <frozen|weight_decay = 0|lr = 0.01|lr = cosine(0.05)>',
  '"*.weight" if param.rank >= 2: <muon(lr = 0.02, adamw_eps = 0.1)|sgd(lr = 0.05, momentum = 0.9)|frozen>',
  "if param.rank == 1: <frozen|adam(lr = 0.01, eps = 0.1)>",
  '"conv2d*": <frozen|lr = 0.05>',
  '"linear.*": <lr = 0.03|weight_decay = 0.1>',
  '"*" if param.size > 20: sgd(lr = 0.02)',
];

export const SETTINGS: readonly string[] = [
  "accumulate = <2|3>",
  "clip_value = <0.01|0.1>",
  "clip_norm = <0.1|1>",
  "ema = <0.9|minimum(0.9, (1 + step) / (10 + step))><||, ema_buffers = true>",
  "shuffle = true",
  "drop_last = true",
  "convolution = <direct|winograd2|winograd4|winograd6>",
];

export function randomOptimizer(random: Random): string {
  const lr = () =>
    `lr = ${random.chance(0.5) ? random.of(["0.1", "0.5", "0.03"]) : expand(random.of(SCHEDULES), random)}`;
  return expand(random.of(OPTIMIZERS), random, { lr });
}

export const randomGroups = (random: Random): string[] =>
  GROUPS.filter(() => random.chance(0.15)).map((group) => expand(group, random));

export const randomSettings = (random: Random): string[] =>
  SETTINGS.filter(() => random.chance(0.15)).map((setting) => expand(setting, random));
