import { comparison } from "./elementwise.ts";

export const lt = comparison("lt", "x < y, as bool. False for NaN.", (x, y) => x < y);
