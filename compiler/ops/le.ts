import { comparison } from "./elementwise.ts";

export const le = comparison("le", "x ≤ y, as bool. False for NaN.", (x, y) => x <= y);
