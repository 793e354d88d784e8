/** Texts with choices: the notation of the tables that random models are made of. */
import type { Random } from "./random.ts";

/** What `$name` stands for; chosen anew for each place. */
export type Names = Readonly<Record<string, (() => string | number) | string | number>>;

/** What stands for itself: `|>` between spaces, `<` before a space or `=`, `>` behind a space. */
const PLAIN = /^( \|> | > | >=|<(?=[ =]))/;

/** `<a|b|c>` becomes one of its parts, which may be empty and hold choices themselves; `$name` what the names say. */
export function expand(template: string, random: Random, names: Names = {}): string {
  let at = 0;
  const text = (ends: string): string => {
    let out = "";
    while (at < template.length && !ends.includes(template[at])) {
      const rest = template.slice(at, at + 20);
      const plain = PLAIN.exec(rest)?.[0];
      const name = /^\$([a-z]\w*)/.exec(rest);
      at += plain?.length ?? name?.[0].length ?? 0;
      if (plain !== undefined) out += plain;
      else if (name) out += nameValue(name[1]);
      else if (template[at] === "<") out += choice();
      else out += template[at++];
    }
    return out;
  };
  const choice = (): string => {
    const parts: string[] = [];
    do {
      at++;
      parts.push(text("|>"));
    } while (template[at] === "|");
    if (template[at++] !== ">") throw new Error(`a choice is not closed in ${template}`);
    return random.of(parts);
  };
  const nameValue = (name: string): string => {
    const value = names[name];
    if (value === undefined) throw new Error(`nothing is called $${name} in ${template}`);
    return String(typeof value === "function" ? value() : value);
  };
  return text("");
}
