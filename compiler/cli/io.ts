/** The terminal as the commands see it, so that tests can stand in for the process. */

export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface Io {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Fires at Ctrl-C: finish the step under way, save, leave. */
  readonly interrupt: AbortSignal;
}
