import { readFileSync } from "node:fs";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [
    {
      // Library files, the grammar and message texts are imported as text, as the package's build does.
      name: "text",
      enforce: "pre",
      load(id) {
        if (/\.(model|ohm|md)$/.test(id)) return `export default ${JSON.stringify(readFileSync(id, "utf8"))};`;
      },
    },
  ],
  test: { include: ["test/**/*.test.ts"], root: new URL("..", import.meta.url).pathname, testTimeout: 120_000 },
});
