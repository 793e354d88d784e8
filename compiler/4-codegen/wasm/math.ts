/** The math functions of a module: each is added when a kernel first asks for it. */
import type { Code, FunctionType, WasmModule } from "../../wasm/index.ts";
import type { ConstantTable } from "./constants.ts";
import { cos, pow, powPair, sin, sinPair } from "./double.ts";
import type { MathLibrary } from "./emitter.ts";
import { erf, exp, expm1, sigmoid, tanh } from "./exponential.ts";
import { log, log1p } from "./logarithm.ts";
import { emitUniform, UNIFORM_TYPE } from "./philox.ts";
import { type Vec, VectorCode } from "./vector-code.ts";

interface Definition {
  readonly type: FunctionType;
  readonly emit: (code: Code, library: MathLibrary, constants: ConstantTable, module: WasmModule) => void;
}

const UNARY: FunctionType = { params: ["v128"], results: ["v128"] };
const BINARY: FunctionType = { params: ["v128", "v128"], results: ["v128"] };

const unary = (f: (v: VectorCode, x: Vec, library: MathLibrary) => Vec): Definition => ({
  type: UNARY,
  emit: (code, library, constants) => {
    const v = new VectorCode(code, constants);
    f(v, v.arg(0), library)();
  },
});
const binary = (f: (v: VectorCode, x: Vec, y: Vec, library: MathLibrary) => Vec): Definition => ({
  type: BINARY,
  emit: (code, library, constants) => {
    const v = new VectorCode(code, constants);
    f(v, v.arg(0), v.arg(1), library)();
  },
});

const DEFINITIONS: Readonly<Record<string, Definition>> = {
  exp: unary(exp),
  expm1: unary(expm1),
  log: unary(log),
  log1p: unary(log1p),
  tanh: unary(tanh),
  sigmoid: unary(sigmoid),
  erf: unary(erf),
  sin: unary((v, x, library) => sin(v, x, library("sin_pair"))),
  cos: unary((v, x, library) => cos(v, x, library("cos_pair"))),
  pow: binary((v, x, y, library) => pow(v, x, y, library("pow_pair"))),
  sin_pair: unary((v, x) => sinPair(v, x, 0)),
  cos_pair: unary((v, x) => sinPair(v, x, 1)),
  pow_pair: binary((v, x, y) => powPair(v, x, y)),
  uniform: { type: UNIFORM_TYPE, emit: (code, _library, _constants, module) => emitUniform(code, module) },
};

/** Whether an operation on floats is a function here, not an instruction. */
export const isMathFunction = (name: string): boolean => Object.hasOwn(DEFINITIONS, name);

export function mathLibrary(module: WasmModule, constants: ConstantTable): MathLibrary {
  const known = new Map<string, Code>();
  const library: MathLibrary = (name) => {
    let f = known.get(name);
    if (!f) {
      const { type, emit } = DEFINITIONS[name];
      f = module.func(name, type, (code) => emit(code, library, constants, module));
      known.set(name, f);
    }
    return f;
  };
  return library;
}
