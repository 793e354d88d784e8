#!/usr/bin/env node
/** The executable: the process's streams and signals around `main`. */
import { setFlagsFromString } from "node:v8";
import { fileError } from "./errors.ts";
import { main } from "./main.ts";
import { report } from "./report.ts";

const { stdout, stderr, env, versions } = process;

/** Milliseconds in which signals count as one: npm hands on what the terminal has sent already, and keys are pressed twice. */
const TOGETHER = 1000;

/** Fires at the first signal; a later one ends the process at once. */
function onInterrupt(): AbortSignal {
  const interrupt = new AbortController();
  let first = 0;
  const onSignal = () => {
    if (!interrupt.signal.aborted) {
      first = performance.now();
      interrupt.abort();
    } else if (performance.now() - first > TOGETHER) {
      stderr.write("interrupted again: stopped at once, and nothing more was saved\n");
      process.exit(130);
    }
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return interrupt.signal;
}

// Compiling a model runs much code a few times. V8 up to version 11 (Node 20) has no compiler between its baseline and its best
// one, and uses that so early that it does so again and again; later ones have other flags and need none.
if (Number.parseInt(versions.v8, 10) <= 11) setFlagsFromString("--interrupt-budget=400000");

const io = { stdout, stderr, env, interrupt: onInterrupt() };
stdout.on("error", (error: NodeJS.ErrnoException) => {
  // A reader that has seen enough (`mlc explain … | head`) is no error.
  process.exit(error.code === "EPIPE" ? 0 : report(fileError(error, "cannot write the output"), io, false));
});
// What cannot be told is no reason to end the work.
stderr.on("error", () => {});

process.exitCode = await main(process.argv.slice(2), io);
