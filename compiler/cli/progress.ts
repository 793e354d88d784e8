/** One moving line on the terminal's error stream; silence where that is no terminal. */
import { Presets, SingleBar } from "cli-progress";
import type { Io } from "./io.ts";

export interface Bar {
  /** `fraction` of the whole, from 0 to 1, and what stands beside the bar. */
  update(fraction: number, text: string): void;
  close(): void;
}

const SILENT: Bar = { update() {}, close() {} };

export function openBar(io: Io, options: { readonly quiet?: boolean } = {}): Bar {
  if (options.quiet || !io.stderr.isTTY) return SILENT;
  const bar = new SingleBar(
    {
      format: "{bar} {percentage}% {text}",
      stream: io.stderr as unknown as NodeJS.WritableStream,
      barsize: 24,
      fps: 8,
      hideCursor: false,
      clearOnComplete: true,
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  bar.start(1000, 0, { text: "" });
  return {
    update: (fraction, text) => bar.update(Math.round(1000 * Math.min(1, fraction)), { text }),
    close: () => bar.stop(),
  };
}
