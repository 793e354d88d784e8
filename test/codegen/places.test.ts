/** Locals that share places: functions made at random give what their statements say. */
import { expect, it } from "vitest";
import { Code, WasmModule } from "../../compiler/wasm/index.ts";
import { placesOf } from "../../compiler/wasm/places.ts";
import { type Random, random } from "./random.ts";

type Statement =
  /** v = a + b + by, and a trace of all that was set. */
  | { readonly k: "set"; readonly v: number; readonly a: number; readonly b: number; readonly by: number }
  | { readonly k: "if"; readonly cond: number; readonly then: Statement[]; readonly else: Statement[] }
  | { readonly k: "loop"; readonly times: number; readonly body: Statement[] }
  /** Left early where a local is odd. */
  | { readonly k: "block"; readonly cond: number; readonly before: Statement[]; readonly after: Statement[] };

/** Locals that a function mentions, and those of one statement list: the fewer, the more are read before they are set. */
const LOCALS = 24;
const NEAR = 5;

function statements(r: Random, depth: number): Statement[] {
  const first = r.below(LOCALS - NEAR);
  const local = () => first + r.below(NEAR);
  const one = (): Statement => {
    const kind = depth === 0 ? 3 : r.below(8);
    const inner = () => statements(r, depth - 1);
    if (kind === 0) return { k: "if", cond: local(), then: inner(), else: inner() };
    if (kind === 1) return { k: "loop", times: 1 + r.below(3), body: inner() };
    if (kind === 2) return { k: "block", cond: local(), before: inner(), after: inner() };
    return { k: "set", v: local(), a: local(), b: local(), by: r.below(1000) };
  };
  return Array.from({ length: 1 + r.below(5) }, one);
}

function interpret(program: readonly Statement[]): number {
  const locals = new Int32Array(LOCALS);
  let trace = 0;
  const run = (list: readonly Statement[]): void => {
    for (const s of list) {
      if (s.k === "set") {
        locals[s.v] = locals[s.a] + locals[s.b] + s.by;
        trace = (Math.imul(trace, 31) + locals[s.v]) | 0;
      } else if (s.k === "if") run(locals[s.cond] & 1 ? s.then : s.else);
      else if (s.k === "loop") for (let i = 0; i < s.times; i++) run(s.body);
      else {
        run(s.before);
        if (!(locals[s.cond] & 1)) run(s.after);
      }
    }
  };
  run(program);
  return trace;
}

/** Loops count down in parameters, one for each level, so that nothing but the statements' locals share places. */
function emit(code: Code, program: readonly Statement[]): void {
  const locals = Array.from({ length: LOCALS }, () => code.local("i32"));
  const [trace, ...counters] = code.params;
  const run = (list: readonly Statement[], depth: number): void => {
    for (const s of list) {
      const odd = (v: number) => code.get(locals[v]).i32(1).op("i32.and");
      if (s.k === "set") {
        code.get(locals[s.a]).get(locals[s.b]).op("i32.add").i32(s.by).op("i32.add").set(locals[s.v]);
        code.get(trace).i32(31).op("i32.mul").get(locals[s.v]).op("i32.add").set(trace);
      } else if (s.k === "if") {
        odd(s.cond).if(
          () => run(s.then, depth + 1),
          () => run(s.else, depth + 1),
        );
      } else if (s.k === "loop") {
        code.i32(s.times).set(counters[depth]);
        code.loop((again) => {
          run(s.body, depth + 1);
          code.get(counters[depth]).i32(1).op("i32.sub").tee(counters[depth]).brIf(again);
        });
      } else
        code.block((out) => {
          run(s.before, depth + 1);
          odd(s.cond).brIf(out);
          run(s.after, depth + 1);
        });
    }
  };
  run(program, 0);
  code.get(trace);
}

const DEPTH = 4;

it("2,000 random functions compute what they say", () => {
  for (let seed = 1; seed <= 2000; seed++) {
    const program = statements(random(seed), DEPTH);
    const module = new WasmModule();
    const params = Array.from({ length: DEPTH + 2 }, () => "i32" as const);
    module.export(
      "f",
      module.func("f", { params, results: ["i32"] }, (code) => emit(code, program)),
    );
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.encode() as BufferSource));
    expect((exports.f as (trace: number) => number)(0), `seed ${seed}`).toBe(interpret(program));
  }
});

it("values that follow one another share a place", () => {
  const code = new Code("f", { params: ["i32"], results: [] });
  const locals = Array.from({ length: 3 }, () => code.local("v128"));
  for (const v of locals) {
    code.get(code.params[0]).op("i32x4.splat").set(v);
    code.get(v).op("i32x4.extract_lane", 0).set(code.params[0]);
  }
  expect(placesOf(code.params, locals, code.body).groups).toEqual([{ type: "v128", count: 1 }]);
});
