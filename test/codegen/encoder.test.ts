import { beforeAll, describe, expect, it } from "vitest";
import wabtModule from "wabt";
import { Bytes, type Code, OPCODES, type OpName, type ValueType, WasmModule } from "../../compiler/wasm/index.ts";

type Wabt = Awaited<ReturnType<typeof wabtModule>>;
let wabt: Wabt;
beforeAll(async () => {
  wabt = await wabtModule();
});

/** The module in text form, after validation by this engine and by wabt (which cannot validate shared memories). */
function disassemble(bytes: Uint8Array, shared = false): string {
  const module = wabt.readWasm(bytes, { readDebugNames: true, threads: true, simd: true });
  if (!shared) module.validate();
  expect(WebAssembly.validate(bytes as BufferSource)).toBe(true);
  module.applyNames();
  const text = module.toText({ foldExprs: false });
  module.destroy();
  return text;
}

function assemble(params: ValueType[], results: ValueType[], build: (code: Code) => void): Uint8Array {
  const module = new WasmModule();
  module.memory({ min: 1, max: 1 });
  module.export("f", module.func("f", { params, results }, build));
  return module.encode();
}

function run(bytes: Uint8Array, ...args: (number | bigint)[]): unknown {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes as BufferSource));
  return (instance.exports.f as (...args: (number | bigint)[]) => unknown)(...args);
}

/** Instructions whose operands are not given by `op`; `select` and the blocks are tested through their methods. */
const BY_METHOD = new Set([
  ...["block", "loop", "if", "else", "end", "br", "br_if", "return", "call", "drop", "select"],
  ...["local.get", "local.set", "local.tee", "global.get", "global.set", "memory.init", "data.drop"],
]);

/** Operands of an instruction, and how the text form shows them. */
function sampleOperands(name: OpName): { operands: (number | bigint | number[])[]; text: string } {
  switch (OPCODES[name].immediate) {
    case "i32":
      return { operands: [-123456], text: " -123456" };
    case "i64":
      return { operands: [-12345678901n], text: " -12345678901" };
    case "f32":
    case "f64":
      return { operands: [0.5], text: " 0x1p-1 (;=0.5;)" };
    case "v128":
      return {
        operands: [[...new Array(15).fill(0), 0x80]],
        text: " i32x4 0x00000000 0x00000000 0x00000000 0x80000000",
      };
    case "shuffle": {
      const lanes = Array.from({ length: 16 }, (_, i) => 2 * i);
      return { operands: [lanes], text: ` ${lanes.join(" ")}` };
    }
    case "lane":
      return { operands: [1], text: " 1" };
    case "mem":
      return { operands: [300], text: " offset=300" };
    case "memLane":
      return { operands: [70000, 0], text: " offset=70000 0" };
    default:
      return { operands: [], text: "" };
  }
}

/** The instruction on its own, as wabt prints it. */
function printed(name: OpName): string[] {
  const { params, results } = OPCODES[name];
  const shared = name.includes("atomic");
  const module = new WasmModule();
  module.memory({ min: 1, max: 1, shared });
  module.func("f", { params, results }, (code) => {
    for (const param of code.params) code.get(param);
    code.op(name, ...sampleOperands(name).operands);
  });
  return disassemble(module.encode(), shared).split("\n").map(unclosed);
}

/** wabt closes the parentheses of the module on the last instruction's line. */
const unclosed = (line: string) => line.trim().replace(/\)+$/, "");

it("the opcode table agrees with wabt, instruction by instruction", () => {
  const names = (Object.keys(OPCODES) as OpName[]).filter((op) => !BY_METHOD.has(op));
  const wrong = names.filter((name) => !printed(name).includes(unclosed(`${name}${sampleOperands(name).text}`)));
  expect(wrong).toEqual([]);
  expect(names.length).toBeGreaterThan(450);
});

describe("LEB128", () => {
  const bytesOf = (write: (to: Bytes) => void) => {
    const bytes = new Bytes();
    write(bytes);
    return [...bytes.toUint8Array()];
  };

  it("writes unsigned numbers", () => {
    const cases: [number | bigint, number[]][] = [
      [0, [0]],
      [127, [0x7f]],
      [128, [0x80, 1]],
      [624485, [0xe5, 0x8e, 0x26]],
      [2 ** 32 - 1, [0xff, 0xff, 0xff, 0xff, 0x0f]],
      [2 ** 53 - 1, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]],
      [2n ** 64n - 1n, [...new Array(9).fill(0xff), 1]],
    ];
    for (const [value, expected] of cases) expect(bytesOf((to) => to.unsigned(value))).toEqual(expected);
    expect(() => new Bytes().unsigned(-1)).toThrow(RangeError);
  });

  it("writes signed numbers", () => {
    const cases: [number | bigint, number[]][] = [
      [0, [0]],
      [-1, [0x7f]],
      [63, [0x3f]],
      [64, [0xc0, 0]],
      [-64, [0x40]],
      [-65, [0xbf, 0x7f]],
      [-123456, [0xc0, 0xbb, 0x78]],
      [2 ** 31 - 1, [0xff, 0xff, 0xff, 0xff, 0x07]],
      [-(2 ** 31), [0x80, 0x80, 0x80, 0x80, 0x78]],
      [-(2n ** 63n), [...new Array(9).fill(0x80), 0x7f]],
    ];
    for (const [value, expected] of cases) expect(bytesOf((to) => to.signed(value))).toEqual(expected);
  });

  it("carries every width of constant through an engine", () => {
    for (const value of [
      0,
      1,
      -1,
      63,
      64,
      -64,
      -65,
      127,
      128,
      8191,
      8192,
      -8193,
      2 ** 20,
      2 ** 27,
      -(2 ** 31),
      2 ** 31 - 1,
    ]) {
      expect(run(assemble([], ["i32"], (code) => code.i32(value)))).toBe(value);
    }
    expect(run(assemble([], ["i32"], (code) => code.i32(0xfffffff0)))).toBe(-16);
    for (let bit = 0n; bit < 63n; bit++) {
      for (const value of [2n ** bit, -(2n ** bit), 2n ** bit - 1n]) {
        expect(run(assemble([], ["i64"], (code) => code.op("i64.const", value)))).toBe(value);
      }
    }
    for (const value of [0, -0, 1.5, 2 ** -149, 3.4028234663852886e38, Infinity]) {
      expect(run(assemble([], ["f32"], (code) => code.op("f32.const", value)))).toBe(value);
      expect(run(assemble([], ["f64"], (code) => code.op("f64.const", value)))).toBe(value);
    }
  });
});

describe("modules", () => {
  it("import, define and export functions, memory, globals and data", () => {
    const module = new WasmModule();
    const double = module.importFunction("env", "double", { params: ["i32"], results: ["i32"] });
    module.memory({ min: 2, max: 3 });
    const counter = module.global("i32", true, -70000);
    const scale = module.global("f64", false, 2.5);
    module.data(200, Uint8Array.of(1, 2, 3, 250));
    const f = module.func("f", { params: ["i32"], results: ["i32"] }, (code) => {
      code.getGlobal(counter).i32(1).op("i32.add").setGlobal(counter);
      code.get(code.params[0]).op("i32.load8_u", 200).call(double);
    });
    module.export("f", f);
    module.export("memory", "memory");
    module.export("counter", counter);
    module.export("scale", scale);
    const bytes = module.encode({ names: true });
    disassemble(bytes);
    const env = { double: (x: number) => 2 * x };
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes as BufferSource), { env });
    const instance = exports as unknown as Record<"counter" | "scale", WebAssembly.Global> & {
      f(x: number): number;
      memory: WebAssembly.Memory;
    };
    expect([instance.f(2), instance.f(3)]).toEqual([6, 500]);
    expect([instance.counter.value, instance.scale.value]).toEqual([-69998, 2.5]);
    expect(instance.memory.buffer.byteLength).toBe(2 * 65536);
    expect(() => instance.memory.grow(2)).toThrow();
  });

  it("import a shared memory", () => {
    const module = new WasmModule();
    module.importMemory("env", "memory", { min: 1, max: 2, shared: true });
    module.func("f", { params: ["i32"], results: ["i32"] }, (code) => {
      code.get(code.params[0]).i32(1).op("i32.atomic.rmw.add", 0);
    });
    expect(disassemble(module.encode(), true)).toContain('(import "env" "memory" (memory (;0;) 1 2 shared))');
  });

  it("name functions, also with long names, and only when asked to", () => {
    const long = "é".repeat(100);
    const build = () => {
      const module = new WasmModule();
      module.export(
        `${long}!`,
        module.func(long, { params: [], results: [] }, () => {}),
      );
      return module;
    };
    const named = build().encode({ names: true });
    const plain = build().encode();
    expect(new TextEncoder().encode(long).length).toBeGreaterThan(127);
    expect(Object.keys(WebAssembly.Module.exports(new WebAssembly.Module(named as BufferSource))[0])).toContain("name");
    expect(WebAssembly.Module.customSections(new WebAssembly.Module(named as BufferSource), "name")).toHaveLength(1);
    expect(WebAssembly.Module.customSections(new WebAssembly.Module(plain as BufferSource), "name")).toHaveLength(0);
    expect(WebAssembly.Module.exports(new WebAssembly.Module(plain as BufferSource))[0].name).toBe(`${long}!`);
    expect(plain.length).toBeLessThan(named.length);
  });

  it("share types, and group locals by type", () => {
    const module = new WasmModule();
    const build = (code: Code) => {
      const sum = code.local("i32");
      for (let i = 0; i < 300; i++) {
        const [a, b] = [code.local(i % 2 === 0 ? "v128" : "f32"), code.local("i32")];
        if (a.type === "f32") code.op("f32.const", i).set(a);
        else code.i32(i).op("i32x4.splat").set(a);
        code.i32(i).set(b);
        code.get(sum).get(b).op("i32.add").set(sum);
      }
      code.get(sum);
    };
    const f = module.func("f", { params: [], results: ["i32"] }, build);
    module.func("g", { params: [], results: ["i32"] }, build);
    module.export("f", f);
    const bytes = module.encode();
    expect(run(bytes)).toBe((299 * 300) / 2);
    const text = disassemble(bytes);
    expect(text.match(/\(type /g)).toHaveLength(3); // one definition and two uses
  });

  it("encode blocks with several results, and with parameters, through types", () => {
    const bytes = assemble(["i32"], ["i32"], (code) => {
      code.get(code.params[0]);
      code.block(() => code.i32(7).op("i32.add").i32(5), { params: ["i32"], results: ["i32", "i32"] });
      code.op("i32.mul");
    });
    disassemble(bytes);
    expect(run(bytes, 3)).toBe(50);
  });

  it("branch out of nested blocks", () => {
    const bytes = assemble(["i32"], ["i32"], (code) => {
      const [x] = code.params;
      const sum = code.local("i32");
      code.block((done) =>
        code.loop((again) => {
          code.get(x).op("i32.eqz").brIf(done);
          code.get(sum).get(x).op("i32.add").set(sum);
          code.get(x).i32(1).op("i32.sub").set(x);
          code.get(sum).i32(1000).op("i32.gt_s");
          code.if(() => code.i32(-1).return());
          code.br(again);
        }),
      );
      code.get(sum).i32(1).get(sum).op("i32.eqz").select();
      code.drop();
      code.get(sum);
    });
    disassemble(bytes);
    expect([run(bytes, 10), run(bytes, 0), run(bytes, 100)]).toEqual([55, 0, -1]);
  });
});

describe("the assembler names the mistake", () => {
  const failing = (build: (code: Code) => void) => () => assemble(["f32"], ["f32"], build);

  it("of a wrong operand", () => {
    expect(failing((code) => code.get(code.params[0]).i32(1).op("f32.add"))).toThrow(
      "f, instruction 2, f32.add: takes f32 f32, but operand 2 is i32",
    );
  });
  it("of a missing operand", () => {
    expect(failing((code) => code.get(code.params[0]).op("f32.add"))).toThrow("takes an operand more than there are");
  });
  it("of a value left over in a block", () => {
    expect(failing((code) => code.block(() => code.i32(1)).get(code.params[0]))).toThrow("end of block: i32 left over");
  });
  it("of a missing result", () => {
    expect(failing(() => {})).toThrow("end of function");
  });
  it("of a branch to a block that is closed", () => {
    expect(
      failing((code) => {
        let label: Parameters<Code["br"]>[0] | undefined;
        code.block((l) => {
          label = l;
        });
        code.br(label!);
      }),
    ).toThrow("the label is not around it");
  });
});
