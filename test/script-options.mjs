/** The options of the scripts that people run by hand. */
import { parseArgs } from "node:util";

/** As `parseArgs`; what it does not know ends the script with one line instead of a stack trace. */
export function scriptOptions(script, options) {
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    console.error(`${script}: ${error.message}`);
    process.exit(2);
  }
}
