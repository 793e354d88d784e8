import { comparison } from "./elementwise.ts";

export const ne = comparison("ne", "x ≠ y, as bool. True for NaN.", (x, y) => x !== y);
