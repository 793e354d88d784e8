/** Runs the command in this process, in a directory of its own. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { main } from "../../compiler/cli/main.ts";

/** A small network on drawn images: an epoch takes some milliseconds. */
export const SMALL = `model small {
  input  image: f32[3, 8, 8]
  target label: class[10]
  net {
    conv1: conv2d(8, kernel = 3, padding = 1)
    relu
    max_pool2d(2)
    flatten
    dropout(0.1)
    fc: linear(10)
  }
  loss cross_entropy(net, label)
  metric accuracy(net, label)
  optimizer sgd(lr = 0.05, momentum = 0.9)
  data synthetic(size = 300, eval_size = 90)
  train { epochs = 3, batch = 32 }
}
`;

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class Workplace {
  readonly directory = mkdtempSync(join(tmpdir(), "mlc-cli-"));

  constructor() {
    afterAll(() => rmSync(this.directory, { recursive: true }));
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  /** Writes a file and gives its path. */
  file(name: string, content: string | Uint8Array): string {
    writeFileSync(this.path(name), content);
    return this.path(name);
  }

  read(name: string): Buffer {
    return readFileSync(this.path(name));
  }

  lines(name: string): Record<string, unknown>[] {
    return jsonLines(this.read(name).toString());
  }
}

/** `onOutput` sees what is written, and may press Ctrl-C. */
export async function mlc(
  args: readonly string[],
  onOutput: (text: string, interrupt: () => void) => void = () => {},
): Promise<Result> {
  const controller = new AbortController();
  const texts = { stdout: "", stderr: "" };
  const output = (name: "stdout" | "stderr") => ({
    write: (text: string) => {
      texts[name] += text;
      onOutput(text, () => controller.abort());
    },
  });
  const { PATH, HOME } = process.env;
  const io = { stdout: output("stdout"), stderr: output("stderr"), env: { PATH, HOME }, interrupt: controller.signal };
  const code = await main(args, io);
  return { code, ...texts };
}

export function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

/** An error for people: exit code 1, what it says, no trace of the program. */
export function expectUserError({ code, stderr }: Result, ...parts: (string | RegExp)[]): void {
  for (const part of parts) expect(stderr).toMatch(part);
  expect(stderr).not.toMatch(/^\s+at .*\.[tj]s:\d+|bug in mlc/m);
  expect(code).toBe(1);
}
