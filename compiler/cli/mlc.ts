#!/usr/bin/env node
/** The executable: the process's streams and signals around `main`. */
import { main } from "./main.ts";

const interrupt = new AbortController();
function onSignal(): void {
  if (interrupt.signal.aborted) process.exit(130);
  interrupt.abort();
}
process.on("SIGINT", onSignal);
process.on("SIGTERM", onSignal);
// A reader that has seen enough (`mlc explain … | head`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

const { stdout, stderr, env } = process;
process.exitCode = await main(process.argv.slice(2), { stdout, stderr, env, interrupt: interrupt.signal });
