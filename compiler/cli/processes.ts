/** Other processes of this machine, by their numbers. */
import { systemCode } from "./errors.ts";

/** Whether no process has the number. */
export function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return systemCode(error) !== "EPERM";
  }
}
