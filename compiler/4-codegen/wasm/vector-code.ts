/** Straight-line vector code as expressions: what the math functions are written in. */
import type { Code, LocalRef, OpName } from "../../wasm/index.ts";
import type { ConstantTable } from "./constants.ts";

/** Pushes a vector when called. */
export type Vec = () => void;

/** How a polynomial is evaluated. */
export type Rule = "polynomial" | "polynomialInPairs";

export class VectorCode {
  constructor(
    readonly code: Code,
    private readonly constants: ConstantTable,
  ) {}

  arg(i: number): Vec {
    return this.read(this.code.params[i]);
  }

  /** Computes a value once. */
  let(value: Vec): Vec {
    const local = this.code.local("v128");
    value();
    this.code.set(local);
    return this.read(local);
  }

  private read(local: LocalRef): Vec {
    return () => this.code.get(local);
  }

  op(name: OpName, ...args: readonly Vec[]): Vec {
    return () => {
      for (const arg of args) arg();
      this.code.op(name);
    };
  }
  /** All lanes shifted by `count`. */
  shift(name: OpName, a: Vec, count: number): Vec {
    return () => {
      a();
      this.code.i32(count).op(name);
    };
  }
  shuffle(a: Vec, b: Vec, lanes: readonly number[]): Vec {
    return () => {
      a();
      b();
      const bytes = lanes.flatMap((l) => [4 * l, 4 * l + 1, 4 * l + 2, 4 * l + 3]);
      this.code.op("i8x16.shuffle", bytes);
    };
  }

  f32(value: number): Vec {
    return this.splat32(new Int32Array(Float32Array.of(value).buffer)[0]);
  }
  i32(value: number): Vec {
    return this.splat32(value);
  }
  f64(value: number): Vec {
    return this.splat64(new BigInt64Array(Float64Array.of(value).buffer)[0]);
  }
  i64(value: number | bigint): Vec {
    return this.splat64(BigInt(value));
  }
  private splat32(bits: number): Vec {
    return () => this.code.i32(0).op("v128.load32_splat", this.constants.address(BigInt(bits >>> 0)));
  }
  private splat64(bits: bigint): Vec {
    return () => this.code.i32(0).op("v128.load64_splat", this.constants.address(BigInt.asUintN(64, bits)));
  }

  add = (a: Vec, b: Vec) => this.op("f32x4.add", a, b);
  sub = (a: Vec, b: Vec) => this.op("f32x4.sub", a, b);
  mul = (a: Vec, b: Vec) => this.op("f32x4.mul", a, b);
  div = (a: Vec, b: Vec) => this.op("f32x4.div", a, b);
  abs = (a: Vec) => this.op("f32x4.abs", a);
  lt = (a: Vec, b: Vec) => this.op("f32x4.lt", a, b);
  and = (a: Vec, b: Vec) => this.op("v128.and", a, b);
  or = (a: Vec, b: Vec) => this.op("v128.or", a, b);
  /** Where the mask is set, a. */
  select = (mask: Vec, a: Vec, b: Vec) => this.op("v128.bitselect", a, b, mask);

  /** The polynomial in x with these coefficients, the highest power first, by Horner's rule. */
  polynomial(x: Vec, coefficients: readonly number[]): Vec {
    return this.horner(
      "f32x4",
      x,
      coefficients.map((c) => this.f32(c)),
    );
  }
  /**
   * The same by Estrin's rule, pairs of terms at a time. It takes a few operations more, but fewer wait for one another: functions
   * this long run one after the other in a core, not side by side.
   */
  polynomialInPairs(x: Vec, coefficients: readonly number[]): Vec {
    let terms = coefficients.map((c) => this.f32(c));
    for (let power = x; terms.length > 1; power = this.let(this.mul(power, power))) {
      const alone = terms.length % 2;
      const pairs = terms.slice(0, alone);
      for (let i = alone; i < terms.length; i += 2)
        pairs.push(this.let(this.add(this.mul(terms[i], power), terms[i + 1])));
      terms = pairs;
    }
    return terms[0];
  }
  polynomial64(x: Vec, coefficients: readonly number[]): Vec {
    return this.horner(
      "f64x2",
      x,
      coefficients.map((c) => this.f64(c)),
    );
  }
  private horner(shape: "f32x4" | "f64x2", x: Vec, [first, ...rest]: readonly Vec[]): Vec {
    return rest.reduce((sum, c) => this.op(`${shape}.add`, this.op(`${shape}.mul`, sum, x), c), first);
  }
}
