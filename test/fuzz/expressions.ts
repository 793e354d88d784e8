/** Random elementwise functions of bounded values, as users write their own activations. */
import type { Random } from "./random.ts";
import { expand } from "./template.ts";

const BOUNDED = "<tanh|sigmoid|sin|cos|erf|softsign|hardtanh>";
const GROWING = "<relu|abs|softplus|silu|mish|gelu|elu|selu|celu|leaky_relu|relu6>";
const PLAIN = "<log_sigmoid|hardswish|hardsigmoid|tanhshrink|softshrink|hardshrink|sign|floor|ceil>";
const CONSTANT = "<0.5|1|-1|2|0.1|3|-0.25|1e-3|pi|sqrt(2)>";
const COMPARISONS = ["<", "<=", ">", ">=", "==", "!="];

/** Of `x`, neither large nor undefined for any x; `$e` is another one. */
export const FORMS: readonly string[] = [
  `${BOUNDED}($e)`,
  `${GROWING}($e)`,
  `${PLAIN}($e)`,
  "($e <+|-|*> $e)",
  `($e <+|-|*|/> ${CONSTANT})`,
  "-$e",
  "$e / (1 + ($e) ^ 2)",
  "sqrt(($e) ^ 2 + <1|0.1>)",
  "log1p(($e) ^ 2)",
  `log(1 + exp(${BOUNDED}($e)))`,
  "exp(-($e) ^ 2)",
  "expm1(minimum($e, 1))",
  "<maximum|minimum>($e, $e)",
  `where($e $comparison ${CONSTANT}, $e, $e)`,
  `where($e > $e <and|or> not ($e > 0), $e, $e)`,
  "($e > $e ? $e : $e)",
  "stop_gradient($e)",
  "tanh($e) ^ <2|3>",
  "<abs|softplus>($e) % 1.5",
  "(x - <mean|max|min>(x, axis = <1|-1>, keepdim = true))",
];

export function expression(random: Random, depth = 3): string {
  const form = depth === 0 ? `<x|x|x|${CONSTANT}>` : random.of(FORMS);
  return expand(form, random, {
    e: () => expression(random, depth - 1),
    comparison: () => random.of(COMPARISONS),
  });
}
