import { comparison } from "./elementwise.ts";

export const ge = comparison("ge", "x ≥ y, as bool. False for NaN.", (x, y) => x >= y);
