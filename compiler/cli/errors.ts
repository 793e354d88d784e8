/** Mistakes and mishaps that the user can mend: each has a stable code, a cause and a cure, and is shown without a stack. */

export class UserError extends Error {
  constructor(
    /** Stable name, such as `data-altered`. */
    readonly code: string,
    message: string,
    /** What to do about it. */
    readonly help?: string,
    readonly exitCode: number = 1,
  ) {
    super(message);
    this.name = "UserError";
  }
}

/** A wrong command line. */
export class UsageError extends UserError {
  constructor(message: string, help?: string) {
    super("usage", message, help, 2);
  }
}

/** Ctrl-C: the message says what became of the work. */
export class Interrupted extends UserError {
  constructor(message = "interrupted") {
    super("interrupted", message, undefined, 130);
  }
}

/** Ends a command whose errors have been shown. */
export class Failed extends Error {
  constructor(readonly exitCode: number) {
    super(`exit code ${exitCode}`);
  }
}

const CAUSES: Readonly<Record<string, { readonly cause: string; readonly cure?: string }>> = {
  ENOSPC: { cause: "no space is left on the device", cure: "Free some space there, or name a place on another disk." },
  EDQUOT: { cause: "your disk quota is used up", cure: "Free some space there, or name a place on another disk." },
  EFBIG: {
    cause: "the file would be larger than is allowed",
    cure: "Raise the limit (`ulimit -f`), or name another place.",
  },
  EACCES: { cause: "permission denied", cure: "Change the permissions, or name another place." },
  EPERM: { cause: "operation not permitted", cure: "Change the permissions, or name another place." },
  EROFS: { cause: "the file system is read-only", cure: "Name a place that can be written." },
  ENOENT: { cause: "there is no such file or directory", cure: "Check the spelling of the path." },
  ENOTDIR: { cause: "a part of the path is a file, not a directory", cure: "Check the spelling of the path." },
  EISDIR: { cause: "it is a directory, not a file", cure: "Name a file." },
  ESPIPE: { cause: "it is a pipe or a device, not a file", cure: "Name a file." },
  ELOOP: { cause: "symbolic links lead in a circle", cure: "Mend the links, or name the file itself." },
  EEXIST: { cause: "a file of that name is in the way", cure: "Move it, or name another place." },
  EMFILE: { cause: "too many files are open", cure: "Raise the limit (`ulimit -n`)." },
  ENAMETOOLONG: { cause: "the name is too long", cure: "Name a shorter path." },
  EIO: { cause: "the device reports an input/output error", cure: "Check the disk." },
};

/** The system's error code, such as `ENOSPC`, if the error came from the system. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/** `doing` says what was tried, such as `cannot write weights.safetensors`. An error that is not the system's passes through. */
export function fileError(error: unknown, doing: string): unknown {
  const code = systemCode(error);
  if (code === undefined) return error;
  const known = CAUSES[code];
  return new UserError("file", `${doing}: ${known?.cause ?? (error as Error).message} (${code})`, known?.cure);
}
