/** The options of the scripts that people run by hand. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

/** As `parseArgs`, with `--help`; what it does not know ends the script with one line instead of a stack trace. */
export function scriptOptions(script, options) {
  try {
    const { help, ...values } = parseArgs({ options: { ...options, help: { type: "boolean" } } }).values;
    if (!help) return values;
  } catch (error) {
    console.error(`${script}: ${error.message}`);
    process.exit(2);
  }
  console.log(headOf(process.argv[1]));
  process.exit(0);
}

/** The comment at the head of a script says how it is used. */
function headOf(file) {
  const [, comment] = /^\/\*\*\n(.*?)\n \*\//s.exec(readFileSync(file, "utf8"));
  return comment.replace(/^ \* ?/gm, "");
}
