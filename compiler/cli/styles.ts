/** Colours for the error stream: on a terminal, unless NO_COLOR is set. */
import { styleText } from "node:util";
import type { Io } from "./io.ts";

type Paint = (text: string) => string;

export interface Styles {
  readonly enabled: boolean;
  readonly red: Paint;
  readonly cyan: Paint;
  readonly bold: Paint;
}

export function styles({ stderr, env }: Io): Styles {
  const enabled = Boolean(stderr.isTTY) && !env.NO_COLOR && env.TERM !== "dumb";
  const paint =
    (format: "red" | "cyan" | "bold"): Paint =>
    (text) =>
      enabled ? styleText(format, text) : text;
  return { enabled, red: paint("red"), cyan: paint("cyan"), bold: paint("bold") };
}
