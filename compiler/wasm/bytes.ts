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

  u8(...values: readonly number[]): this {
    return this.raw(values);
  }

  raw(values: ArrayLike<number>): this {
    const end = this.length + values.length;
    if (end > this.buffer.length) {
      const grown = new Uint8Array(Math.max(end, 2 * this.buffer.length));
      grown.set(this.buffer);
      this.buffer = grown;
    }
    this.buffer.set(values, this.length);
    this.length = end;
    return this;
  }

  /** Unsigned LEB128. */
  unsigned(value: number | bigint): this {
    let rest = BigInt(value);
    if (rest < 0n) throw new RangeError(`${value} is negative`);
    do {
      const low = Number(rest & 0x7fn);
      rest >>= 7n;
      this.u8(rest === 0n ? low : low | 0x80);
    } while (rest !== 0n);
    return this;
  }

  /** Signed LEB128: ends with the first byte whose sign bit (0x40) is the sign of the rest. */
  signed(value: number | bigint): this {
    let rest = BigInt(value);
    for (;;) {
      const low = Number(rest & 0x7fn);
      rest >>= 7n;
      const done = (low & 0x40) === 0 ? rest === 0n : rest === -1n;
      this.u8(done ? low : low | 0x80);
      if (done) return this;
    }
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
