import { comparison } from "./elementwise.ts";

export const gt = comparison("gt", "x > y, as bool. False for NaN.", (x, y) => x > y);
