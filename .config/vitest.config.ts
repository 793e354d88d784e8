import { defineConfig } from "vitest/config";
import { vitePlugin } from "./plugins.mjs";

export default defineConfig({
  plugins: [vitePlugin()],
  test: { include: ["test/**/*.test.ts"], root: new URL("..", import.meta.url).pathname, testTimeout: 120_000 },
});
