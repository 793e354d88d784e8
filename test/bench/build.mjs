/** `mlc build`: seconds from process start, and the artifact's size. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { summary } from "./statistics.mjs";

export function measureBuild({ mlc, model, repeats }) {
  const folder = mkdtempSync(join(tmpdir(), "mlc-bench-"));
  try {
    const milliseconds = Array.from({ length: repeats }, () => {
      const start = performance.now();
      const { status, stderr } = spawnSync(process.execPath, [mlc, "build", model, "-o", folder], { encoding: "utf8" });
      if (status !== 0) throw new Error(`mlc build failed:\n${stderr}`);
      return performance.now() - start;
    });
    return { milliseconds: summary(milliseconds), artifact: artifactSizes(folder) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Bytes of the .js and .wasm files, plain and gzipped. */
function artifactSizes(folder) {
  const files = readdirSync(folder).filter((name) => /\.(js|wasm)$/.test(name));
  const sizes = files.map((name) => {
    const bytes = readFileSync(join(folder, name));
    return { name, bytes: bytes.length, gzipped: gzipSync(bytes, { level: 9 }).length };
  });
  return { files: sizes, gzipped: sizes.reduce((sum, { gzipped }) => sum + gzipped, 0) };
}
