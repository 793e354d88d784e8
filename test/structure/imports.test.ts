/** Imports go one way (docs/architecture.md). */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../..");

function filesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
    .map((name) => join(folder, name));
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), "utf8");
  const names = [...text.matchAll(/^\s*(?:import|export)\b[^;]*?from\s+"([^"]+)"/gm)].map((m) => m[1]);
  return names.map((name) => (name.startsWith(".") ? relative(root, resolve(root, dirname(file), name)) : name));
}

/** `compiler/3-passes/fuse.ts` → 3; null outside the numbered folders. */
const phase = (file: string) => Number(/^compiler\/(\d)-/.exec(file)?.[1] ?? Number.NaN);

const violations = (files: readonly string[], allowed: (file: string, imported: string) => boolean) =>
  files.flatMap((file) =>
    importsOf(file)
      .filter((i) => !allowed(file, i))
      .map((i) => `${file} imports ${i}`),
  );

describe("import directions", () => {
  test("wasm/ imports nothing from outside", () => {
    expect(violations(filesIn("compiler/wasm"), (_, i) => i.startsWith("compiler/wasm/"))).toEqual([]);
  });

  test("a phase imports no later phase", () => {
    const phases = filesIn("compiler").filter((f) => !Number.isNaN(phase(f)));
    expect(phases.length).toBeGreaterThan(50);
    expect(violations(phases, (f, i) => Number.isNaN(phase(i)) || phase(i) <= phase(f))).toEqual([]);
  });

  test("ir/ and ops/ import no phase", () => {
    expect(
      violations([...filesIn("compiler/ir"), ...filesIn("compiler/ops")], (_, i) => Number.isNaN(phase(i))),
    ).toEqual([]);
  });

  test("the compiler takes runtime/abi.ts alone from the runtime; the command line may use both", () => {
    const compiler = filesIn("compiler").filter((f) => !f.startsWith("compiler/cli/"));
    expect(violations(compiler, (_, i) => !i.startsWith("runtime/") || i === "runtime/abi.ts")).toEqual([]);
  });

  test("the runtime imports itself alone", () => {
    expect(violations(filesIn("runtime"), (_, i) => i.startsWith("runtime/"))).toEqual([]);
  });

  test("only 1-parse imports ohm-js", () => {
    expect(
      violations(filesIn("compiler").concat(filesIn("runtime")), (f, i) => i !== "ohm-js" || phase(f) === 1),
    ).toEqual([]);
  });

  test("only the command line knows Node", () => {
    const pure = [...filesIn("compiler"), ...filesIn("runtime")].filter((f) => !f.startsWith("compiler/cli/"));
    expect(violations(pure, (_, i) => !i.startsWith("node:"))).toEqual([]);
  });
});
