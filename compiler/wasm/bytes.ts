/** A growing list of bytes with the encodings of the binary format. */

export class Bytes {
  private buffer = new Uint8Array(256);
  private length = 0;

  get size(): number {
    return this.length;
  }

  /** A copy of what has been written. */
  toUint8Array(): Uint8Array {
    return this.buffer.slice(0, this.length);
  }

  u8(value: number): this {
    this.reserve(1);
    this.buffer[this.length++] = value;
    return this;
  }

  raw(values: ArrayLike<number>): this {
    this.reserve(values.length);
    this.buffer.set(values, this.length);
    this.length += values.length;
    return this;
  }

  private reserve(more: number): void {
    const end = this.length + more;
    if (end <= this.buffer.length) return;
    const grown = new Uint8Array(Math.max(end, 2 * this.buffer.length));
    grown.set(this.buffer);
    this.buffer = grown;
  }

  /** Unsigned LEB128. */
  unsigned(value: number | bigint): this {
    if (value < 0) throw new RangeError(`${value} is negative`);
    let rest = value;
    while (rest > 0x7f) {
      if (typeof rest === "bigint") {
        this.u8(Number(rest & 0x7fn) | 0x80);
        rest >>= 7n;
      } else {
        this.u8((rest % 0x80) | 0x80);
        rest = Math.floor(rest / 0x80);
      }
    }
    return this.u8(Number(rest));
  }

  /** Signed LEB128: ends with the first byte whose sign bit (0x40) is the sign of the rest. */
  signed(value: number | bigint): this {
    if (typeof value === "number" && value === value >> 0) return this.signed32(value);
    let rest = BigInt(value);
    while (rest < -0x40n || rest > 0x3fn) {
      this.u8(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    return this.u8(Number(rest & 0x7fn));
  }

  private signed32(value: number): this {
    let rest = value;
    while (rest < -0x40 || rest > 0x3f) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    return this.u8(rest & 0x7f);
  }

  f32(value: number): this {
    const view = new DataView(new ArrayBuffer(4));
    view.setFloat32(0, value, true);
    return this.raw(new Uint8Array(view.buffer));
  }

  f64(value: number): this {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, value, true);
    return this.raw(new Uint8Array(view.buffer));
  }

  /** UTF-8 with its length in bytes before it. */
  name(text: string): this {
    return this.sized(new TextEncoder().encode(text));
  }

  /** The content with its length in bytes before it. */
  sized(content: Uint8Array | Bytes): this {
    const bytes = content instanceof Bytes ? content.toUint8Array() : content;
    return this.unsigned(bytes.length).raw(bytes);
  }

  /** A count, then each item. */
  vector<T>(items: readonly T[], write: (item: T, to: this) => void): this {
    this.unsigned(items.length);
    for (const item of items) write(item, this);
    return this;
  }
}
