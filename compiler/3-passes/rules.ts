/** The simplification rules, in the order in which they are tried on a value. */
import { idioms } from "./idioms.ts";
import type { Rule } from "./rule.ts";
import { algebraRules } from "./rules-algebra.ts";
import { factorRules } from "./rules-factors.ts";
import { poolingRules } from "./rules-pooling.ts";
import { sumRules } from "./rules-sums.ts";
import { viewRules } from "./rules-views.ts";

export const rules: readonly Rule[] = [
  ...idioms,
  ...algebraRules,
  ...viewRules,
  ...sumRules,
  ...poolingRules,
  ...factorRules,
];
