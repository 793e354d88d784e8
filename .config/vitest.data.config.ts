import { defineConfig } from "vitest/config";
import base from "./vitest.config.ts";

/** Long runs on the real CIFAR-10, which `mlc data cifar10` puts in place: `npm run test:data`. */
export default defineConfig({
  ...base,
  test: { ...base.test, include: ["test/**/*.data.ts"], testTimeout: 3_600_000, maxWorkers: 1 },
});
