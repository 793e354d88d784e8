/** PyTorch beside us, where it is installed: a worker process that times training steps when asked. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = new URL("../../", import.meta.url);

/** The first of MLC_PYTHON, ./.venv and python3 that can import torch; null if none can. */
export function findPython() {
  const venv = fileURLToPath(new URL(".venv/bin/python", root));
  const candidates = [process.env.MLC_PYTHON, existsSync(venv) ? venv : null, "python3"].filter(Boolean);
  return candidates.find((python) => spawnSync(python, ["-c", "import torch"]).status === 0) ?? null;
}

/** `times(count)` gives the milliseconds of that many steps. */
export async function startTorch(python, { threads, batch, layout }) {
  const script = fileURLToPath(new URL("torch/step.py", import.meta.url));
  const child = spawn(python, [script, "reference", String(batch), String(threads), layout, "train"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const read = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${python} ended before it answered`);
    return JSON.parse(value);
  };
  const { torch: version } = await read();
  return {
    version,
    times(count) {
      child.stdin.write(`${count}\n`);
      return read();
    },
    stop: () => child.stdin.end(),
  };
}
