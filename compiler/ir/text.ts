/** The IR's text form: `print.ts` says what it looks like, `parse.ts` reads it back. */
export { IrTextError, parseModule } from "./parse.ts";
export { type Names, namesOf, printModule, printProgram, printType, printValue } from "./print.ts";
