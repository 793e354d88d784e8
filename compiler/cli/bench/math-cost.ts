/** What the math functions of kernels cost: the SIMD instructions in their code that compute. */
import { ConstantTable } from "../../4-codegen/wasm/constants.ts";
import { isMathFunction, mathLibrary } from "../../4-codegen/wasm/math.ts";
import { type Code, type Instruction, WasmModule } from "../../wasm/index.ts";

/** Those that only bring values into lanes are left out. */
const COMPUTES = /^([fi]\d+x\d+|v128)\.(?!load|store|const|splat|extract_lane|replace_lane)/;

/** Instructions of one call for four lanes; 1 of an operation that is an instruction itself. */
export type MathCost = (name: string) => number;

export function mathCosts(): MathCost {
  const library = mathLibrary(new WasmModule(), new ConstantTable(0));
  const costs = new Map<string, number>();
  return (name) => {
    const cost = costs.get(name) ?? (isMathFunction(name) ? costOf(library(name)) : 1);
    costs.set(name, cost);
    return cost;
  };
}

/** Either side of a branch counts half: of a random generator's, that which makes two vectors is taken every second time. */
function costOf({ body }: Code): number {
  let weight = 1;
  return body.reduce((sum, instruction) => {
    if (instruction.op === "if") weight /= 2;
    if (instruction.op === "end") weight *= 2;
    return sum + weight * costOfInstruction(instruction);
  }, 0);
}

function costOfInstruction({ op, operands }: Instruction): number {
  if (op === "call") return costOf(operands[0] as Code);
  return COMPUTES.test(op) ? 1 : 0;
}
