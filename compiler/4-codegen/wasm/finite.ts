/** The scan for non-finite values. */
import type { Code, FunctionType } from "../../wasm/index.ts";

/** (address, elements) -> 1 if all are finite. */
export const FINITE_TYPE: FunctionType = { params: ["i32", "i32"], results: ["i32"] };

/** Adds up x·0, which is 0 for finite x and NaN for the others: four at a time, then the rest. */
export function emitFinite(code: Code): void {
  const [address, elements] = code.params;
  const sum = code.local("v128");
  const add = () => code.op("f32x4.mul").get(sum).op("f32x4.add").set(sum);
  const zero = () => code.op("v128.const", new Array(16).fill(0));
  const scan = (count: number, load: () => void) =>
    code.block((done) =>
      code.loop((again) => {
        code.get(elements).i32(count).op("i32.lt_s").brIf(done);
        load();
        zero();
        add();
        code
          .get(address)
          .i32(4 * count)
          .op("i32.add")
          .set(address);
        code.get(elements).i32(count).op("i32.sub").set(elements);
        code.br(again);
      }),
    );
  scan(4, () => code.get(address).op("v128.load", 0));
  scan(1, () => code.get(address).op("v128.load32_zero", 0));
  code.get(sum);
  zero();
  code.op("f32x4.eq").op("i32x4.all_true");
}
