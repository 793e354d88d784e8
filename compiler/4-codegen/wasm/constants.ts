/**
 * Constants of the math functions, in memory behind the program's data: one load brings a constant into all lanes, where
 * V8 would make a constant in the code again at each use, with three instructions.
 */
import type { WasmModule } from "../../wasm/index.ts";

const SLOT = 8;

export class ConstantTable {
  private readonly slots = new Map<bigint, number>();

  /** `start`: the first address that the program does not use, a multiple of 8. */
  constructor(private readonly start: number) {}

  /** The address of these 8 bytes; a constant of 4 bytes is in the lower half. */
  address(bits: bigint): number {
    const slot = this.slots.get(bits) ?? this.slots.size;
    this.slots.set(bits, slot);
    return this.start + SLOT * slot;
  }

  /** The first address behind the table. */
  get end(): number {
    return this.start + SLOT * this.slots.size;
  }

  addTo(module: WasmModule): void {
    if (this.slots.size === 0) return;
    module.data(this.start, new Uint8Array(BigUint64Array.from(this.slots.keys()).buffer));
  }
}
