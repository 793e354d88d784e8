/** Samples in memory, and what a batch of them is. */

/** Values of one input or target, row-major, the sample axis first. */
export type Column =
  | Uint8Array
  | Uint8ClampedArray
  | Int8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | readonly number[];

/** One column for each of the model's inputs, by name. */
export type Columns = Readonly<Record<string, Column>>;

/** Labelled images: any model with one input and one target takes them, whatever it calls the two. */
export interface Dataset {
  readonly length: number;
  /** Bytes (0 … 255), which the model scales, or floats, which it takes as they are. */
  readonly images: Uint8Array | Float32Array;
  readonly labels: Uint8Array | Int32Array | Float32Array;
  /** Of one image: channels, height, width. */
  readonly shape: readonly number[];
  /** Labels are 0 … classes − 1. */
  readonly classes?: number;
  readonly names?: readonly string[];
}
