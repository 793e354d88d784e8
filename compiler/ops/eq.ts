import { comparison } from "./elementwise.ts";

export const eq = comparison("eq", "x = y, as bool. False for NaN.", (x, y) => x === y);
