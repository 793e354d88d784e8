/** Identifiers of generated JavaScript. */

const RESERVED = `arguments await break case catch class const continue debugger default delete do else enum eval export
  extends false finally for function if implements import in instanceof interface let new null package private protected public
  return static super switch this throw true try typeof undefined var void while with yield Math NaN Infinity`.split(
  /\s+/,
);

/** Gives each thing a legible identifier of its own. */
export class Names {
  private readonly used: Set<string>;
  private readonly known = new Map<object, string>();

  constructor(taken: Iterable<string> = []) {
    this.used = new Set([...RESERVED, ...taken]);
  }

  of(thing: { readonly name: string }): string {
    let name = this.known.get(thing);
    if (name === undefined) {
      name = this.fresh(thing.name);
      this.known.set(thing, name);
    }
    return name;
  }

  fresh(wish: string): string {
    const base = wish.replace(/[^A-Za-z0-9_$]/g, "_").replace(/^(?=[0-9]|$)/, "_");
    let name = base;
    for (let i = 2; this.used.has(name); i++) name = `${base}_${i}`;
    this.used.add(name);
    return name;
  }
}
