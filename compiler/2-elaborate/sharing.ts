/** Layers that have the same parameters wherever they are applied: `share tower = layer`, `repeat 3 shared { … }`. */
import type { ParamPath } from "./parameters.ts";
import type { Tensor } from "./values.ts";

export class Sharing {
  /** Parameters and buffers of the applications so far, by their full names. */
  private readonly tensors = new Map<string, Tensor>();
  /** The shared layer around this one. */
  private readonly outer: Sharing | null;

  /** `place` is where its parameters get their names; null where there can be none. */
  constructor(
    readonly name: string,
    private readonly place: ParamPath | null,
  ) {
    this.outer = place?.sharing ?? null;
  }

  get prefix(): string | undefined {
    return this.place?.prefix;
  }
  /** The place for one more application. */
  application(): ParamPath | null {
    return this.place?.again(this) ?? null;
  }
  add(fullName: string, tensor: Tensor): void {
    this.tensors.set(fullName, tensor);
    this.outer?.add(fullName, tensor);
  }
  has(fullName: string): boolean {
    return this.tensors.has(fullName) || (this.outer?.has(fullName) ?? false);
  }
  /** Parameters and buffers by their names below this layer's: `weight`, `conv1.weight`. */
  get members(): ReadonlyMap<string, Tensor> {
    const from = this.place?.prefix.length ?? 0;
    return new Map([...this.tensors].map(([name, tensor]) => [name.slice(from), tensor]));
  }
}
