/** The file of `--log`: every event as it happens. A resumed run goes on in the file of the run that was stopped. */
import { closeSync, openSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { fileError } from "../errors.ts";
import { makeDirectory, readBytes, writeAtomically } from "../files.ts";
import { jsonLine, type TrainEvent } from "./events.ts";

export interface Log {
  write(event: TrainEvent): void;
  close(): void;
}

/** `resumed` says where the run stands that goes on: what the file has from later is dropped, as it happens again. */
export async function openLog(path: string, resumed: { step: number; epoch: number } | null): Promise<Log> {
  const doing = `cannot write the log ${path}`;
  const attempt = <T>(action: () => T): T => {
    try {
      return action();
    } catch (error) {
      throw fileError(error, doing);
    }
  };
  if (resumed !== null && statSync(path, { throwIfNoEntry: false })?.isFile()) await dropLater(path, resumed);
  const file = attempt(() => {
    makeDirectory(dirname(path));
    return openSync(path, resumed === null ? "w" : "a");
  });
  return {
    write: (event) => {
      attempt(() => writeSync(file, jsonLine(event)));
    },
    close: () => closeSync(file),
  };
}

async function dropLater(path: string, { step, epoch }: { step: number; epoch: number }): Promise<void> {
  const lines = new TextDecoder().decode(readBytes(path)).split("\n");
  const kept = lines.filter((line) => {
    const event = parse(line);
    return event !== null && (event.event === "step" ? event.step <= step : event.epoch <= epoch);
  });
  await writeAtomically(path, kept.map((line) => `${line}\n`).join(""));
}

/** Null for what is no event, such as a line that was cut. */
function parse(line: string): TrainEvent | null {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
