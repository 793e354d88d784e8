/** For each simplification rule, values at whose root it applies. */
import type { Builder } from "../../compiler/ir/builder.ts";
import type { Shape, Value } from "../../compiler/ir/graph.ts";

export interface ExampleContext {
  readonly b: Builder;
  /** A parameter with random elements in −2 … 2, or in 0.5 … 2 if `positive`. */
  readonly x: (shape: readonly number[], positive?: boolean) => Value;
  /** An input [n, …] with random elements in −2 … 2. */
  readonly input: (shape: readonly number[]) => Value;
  /** An i32 [n] input of labels 0 … 9, declared as classes. */
  readonly label: Value;
  readonly n: Value;
}

type Example = (c: ExampleContext) => readonly Value[];

const spread = (b: Builder, v: Value, shape: Shape, axes: readonly number[]) => b.op("broadcast", [v], { shape, axes });

export const examples: Readonly<Record<string, Example>> = {
  softmax: ({ b, x, input }) => {
    const [e, line] = [b.exp(input([5])), b.exp(x([6]))];
    return [b.div(e, spread(b, b.sum(e, [1]), e.type.shape, [0])), b.div(line, b.sum(line, [0]))];
  },
  "scaled-softmax": ({ b, input, x }) => {
    const e = b.exp(input([5]));
    const sum = b.sum(e, [1]);
    const line = b.exp(x([6]));
    return [
      b.mul(e, spread(b, b.div(0.5, sum), e.type.shape, [0])),
      b.mul(e, spread(b, b.div(b.sum(input([5]), [1]), sum), e.type.shape, [0])),
      b.mul(line, b.div(3, b.sum(line, [0]))),
    ];
  },
  "log-softmax": ({ b, x, input }) => {
    const v = input([5]);
    const whole = (y: Value) => spread(b, y, v.type.shape, [0]);
    const naive = b.log(b.sum(b.exp(v), [1]));
    const m = b.op("max", [v], { axes: [1] });
    const shifted = b.add(m, b.log(b.sum(b.exp(b.sub(v, whole(m))), [1])));
    const line = x([6]);
    return [
      b.sub(v, whole(naive)),
      b.sub(whole(naive), v),
      b.sub(v, whole(shifted)),
      b.sub(line, b.log(b.sum(b.exp(line), [0]))),
    ];
  },
  "softmax-shift": ({ b, input, x }) => {
    const v = input([5]);
    const m = spread(b, b.op("max", [v], { axes: [1] }), v.type.shape, [0]);
    return [
      b.op("softmax", [b.sub(v, m)], { axis: 1 }),
      b.op("log_softmax", [b.sub(v, m)], { axis: 1 }),
      b.op("softmax", [b.add(x([4]), 3)], { axis: 0 }),
    ];
  },
  "log-of-softmax": ({ b, input }) => [b.log(b.op("softmax", [input([5])], { axis: 1 }))],
  "exp-of-log-softmax": ({ b, input }) => [b.exp(b.op("log_softmax", [input([5])], { axis: 1 }))],
  "log-sum-exp": ({ b, input, x }) => [b.log(b.sum(b.exp(input([5])), [1])), b.log(b.sum(b.exp(x([3, 4])), [0]))],
  softplus: ({ b, x }) => [b.log(b.add(b.exp(x([7])), 1)), b.op("log1p", [b.exp(x([7]))])],
  sigmoid: ({ b, x }) => {
    const e = b.exp(x([7]));
    return [b.div(1, b.add(b.exp(b.neg(x([7]))), 1)), b.div(e, b.add(e, 1))];
  },
  tanh: ({ b, x }) => {
    const v = x([7]);
    const [rising, falling] = [b.exp(v), b.exp(b.neg(v))];
    return [rising, falling].map((first) =>
      b.div(b.sub(rising, falling), b.add(first, first === rising ? falling : rising)),
    );
  },
  "log-sigmoid": ({ b, x }) => {
    const p = b.op("sigmoid", [x([7])]);
    return [b.log(p), b.log(b.sub(1, p))];
  },

  fold: ({ b }) => [
    b.add(2, 3),
    b.exp(b.const(1)),
    b.binary("lt", 1, 2),
    b.where(b.binary("eq", 0, 0), 5, 6),
    b.cast(b.binary("ne", 0, 0), "f32"),
    b.op("add", [b.cast(b.const(2.7), "i32"), b.cast(b.const(1), "i32")]),
  ],
  order: ({ b, x, n }) => [b.mul(2, x([3])), b.add(n, x([3])), b.binary("maximum", 0, x([3]))],
  "add-zero": ({ b, x }) => [b.add(x([3]), 0), b.sub(x([3]), 0)],
  "zero-sub": ({ b, x }) => [b.sub(0, x([3]))],
  one: ({ b, x }) => [b.mul(x([3]), 1), b.div(x([3]), 1)],
  "minus-one": ({ b, x }) => [b.mul(x([3]), -1), b.div(x([3]), -1)],
  "mul-zero": ({ b, x }) => [b.mul(x([3]), 0)],
  "zero-div": ({ b, x }) => [b.div(0, x([3]))],
  "sub-self": ({ b, x }) => {
    const v = x([3]);
    return [b.sub(v, v)];
  },
  double: ({ b, x }) => {
    const v = x([3]);
    return [b.add(v, v)];
  },
  "add-twice": ({ b, x }) => {
    const [v, w] = [x([3]), x([3])];
    return [b.add(b.add(v, w), w), b.add(b.add(w, v), w), b.add(w, b.add(v, w)), b.sub(b.sub(v, w), w)];
  },
  "neg-neg": ({ b, x }) => [b.neg(b.neg(x([3])))],
  "neg-sub": ({ b, x }) => [b.neg(b.sub(x([3]), x([3])))],
  "neg-constant": ({ b, x }) => [b.neg(b.mul(x([3]), 2.5))],
  "neg-scaled-sub": ({ b, x, n }) => [b.neg(b.div(b.sub(x([3]), x([3])), n)), b.neg(b.mul(b.sub(x([3]), x([3])), n))],
  "neg-factor": ({ b, x, n }) => [
    b.mul(b.neg(x([3])), x([3])),
    b.div(b.neg(x([3])), n),
    b.mul(x([3]), b.neg(n)),
    b.div(-2, x([3], true)),
    b.mul(x([4, 3]), spread(b, b.neg(x([3])), [4, 3], [1])),
  ],
  "add-neg": ({ b, x }) => [
    b.add(x([3]), b.neg(x([3]))),
    b.add(b.neg(x([3])), x([3])),
    b.sub(x([3]), b.neg(x([3]))),
    b.sub(b.neg(x([3])), x([3])),
    b.sub(x([4, 3]), spread(b, b.neg(x([3])), [4, 3], [1])),
  ],
  "add-negative-multiple": ({ b, x }) => [b.add(x([3]), b.mul(x([3]), -2)), b.sub(x([3]), b.mul(x([3]), -2))],
  "constant-power": ({ b, x }) => [0, 1, 2, 3, 7, 16, -1, -2, 0.5, -0.5].map((p) => b.binary("pow", x([3], true), p)),
  "log-exp": ({ b, x }) => [b.log(b.exp(x([3])))],
  even: ({ b, x }) => [
    b.op("abs", [b.neg(x([3]))]),
    b.op("abs", [b.op("abs", [x([3])])]),
    b.op("cos", [b.neg(x([3]))]),
  ],
  idempotent: ({ b, x }) => {
    const v = x([3]);
    return [b.binary("maximum", v, v), b.binary("minimum", v, v)];
  },
  "logic-constant": ({ b, x }) => {
    const cond = b.binary("lt", x([4]), 0);
    const constants = [b.binary("eq", 0, 0), b.binary("ne", 0, 0)];
    return ["and", "or"].flatMap((op) => constants.map((constant) => b.op(op, [cond, constant])));
  },
  "not-not": ({ b, x }) => [b.op("not", [b.op("not", [b.binary("lt", x([4]), 0)])])],
  "where-constant": ({ b, x }) => {
    const v = x([3]);
    return [
      b.where(b.binary("eq", 0, 0), v, 2),
      b.where(b.binary("ne", 0, 0), v, 2),
      b.where(b.binary("lt", x([3]), 0), v, v),
    ];
  },
  "where-not": ({ b, x }) => [b.where(b.op("not", [b.binary("lt", x([4]), 0)]), x([4]), 1)],
  "where-where": ({ b, x }) => {
    const cond = b.binary("lt", x([6]), 0);
    return [b.where(cond, b.where(cond, x([6]), 1), 2), b.where(cond, x([6]), b.where(cond, 1, x([6])))];
  },
  "cast-cast": ({ b, x }) => [b.cast(b.cast(b.binary("lt", x([4]), 0), "i32"), "f32")],

  "view-identity": ({ b, x }) => [
    b.op("reshape", [x([2, 3])], { shape: [2, 3] }),
    b.op("transpose", [x([2, 3])], { perm: [0, 1] }),
    b.op("reverse", [x([1, 3])], { axes: [0] }),
    b.op("slice", [x([2, 3])], { starts: [0, 0], limits: [2, 3], strides: [1, 1] }),
    b.op("pad", [x([3])], { low: [0], high: [0], interior: [0], value: 1 }),
    spread(b, x([2, 3]), [2, 3], [0, 1]),
  ],
  "view-splat": ({ b, n }) => {
    const splat = spread(b, n, [4, 6], []);
    return [
      b.reshape(splat, [24]),
      b.transpose(splat, [1, 0]),
      b.op("slice", [splat], { starts: [0, 1], limits: [2, 5], strides: [1, 2] }),
      spread(b, splat, [4, 2, 6], [0, 2]),
    ];
  },
  "reshape-reshape": ({ b, x }) => [b.reshape(b.reshape(x([4, 6]), [24]), [3, 8])],
  "transpose-transpose": ({ b, x }) => [b.transpose(b.transpose(x([2, 3, 4]), [1, 2, 0]), [2, 1, 0])],
  "broadcast-broadcast": ({ b, x }) => [spread(b, spread(b, x([3, 1]), [3, 5], [0, 1]), [2, 3, 5], [1, 2])],
  "broadcast-reshape": ({ b, x }) => [spread(b, b.reshape(x([3]), [3, 1, 1]), [2, 3, 4, 5], [1, 2, 3])],
  "reverse-reverse": ({ b, x }) => [b.op("reverse", [b.op("reverse", [x([2, 3])], { axes: [1] })], { axes: [1] })],
  "reverse-inward": ({ b, x, input, n }) => {
    const [image, factors] = [input([3, 4, 5]), x([3])];
    const shape = image.type.shape;
    const cond = b.binary("lt", input([3, 4, 5]), 0);
    const reversed = (v: Value) => b.op("reverse", [v], { axes: [3] });
    const scaled = b.mul(image, spread(b, factors, shape, [1]));
    const chosen = b.where(b.binary("gt", n, 2), b.exp(image), image);
    return [
      b.where(cond, reversed(scaled), scaled),
      b.where(cond, scaled, reversed(scaled)),
      b.where(cond, reversed(chosen), chosen),
    ];
  },
  "transpose-matmul": ({ b, x }) => [
    b.transpose(b.matmul(x([2, 3]), x([3, 4])), [1, 0]),
    b.transpose(b.matmul(x([5, 2, 3]), x([5, 3, 4])), [0, 2, 1]),
  ],
  "transpose-contract-rows": ({ b, x }) => [
    b.transpose(b.op("contract_rows", [x([4, 2, 3]), x([4, 2, 5])], { batch: 0 }), [1, 0]),
    b.transpose(b.op("contract_rows", [x([4, 2, 3]), x([4, 2, 5])], { batch: 1 }), [0, 2, 1]),
  ],
  "concat-one": ({ b, x }) => [b.op("concat", [x([2, 3])], { axis: 0 })],
  "splat-operand": ({ b, x, n }) => [
    b.add(x([2, 3]), spread(b, n, [2, 3], [])),
    b.exp(spread(b, n, [2, 3], [])),
    b.where(b.binary("lt", x([2, 3]), 0), spread(b, n, [2, 3], []), x([2, 3])),
  ],
  "broadcast-outward": ({ b, x, n }) => [
    b.exp(spread(b, x([3]), [2, 3], [1])),
    b.add(spread(b, x([3]), [2, 3], [1]), spread(b, x([3]), [2, 3], [1])),
    b.div(spread(b, x([3]), [2, 3], [1]), n),
  ],

  "sum-nothing": ({ b, x }) => [b.sum(x([3, 1, 2]), [1])],
  "known-sum": ({ b, label, input, n }) => {
    const hot = b.op("one_hot", [label], { classes: 10 });
    const softmax = b.op("softmax", [input([10])], { axis: 1 });
    const x = input([4]);
    const mean = b.div(b.sum(x, [0]), n);
    return [
      b.sum(hot, [1]),
      b.sum(hot, [0, 1]),
      b.sum(softmax, [1]),
      b.sum(b.sub(x, spread(b, mean, x.type.shape, [1])), [0]),
      b.sum(b.add(b.mul(hot, 0.9), 0.01), [1]),
      b.sum(b.sub(softmax, hot), [1]),
      b.sum(b.neg(b.div(hot, n)), [1]),
    ];
  },
  "sum-centred": ({ b, input, n }) => {
    const x = input([4]);
    const centred = b.sub(x, spread(b, b.div(b.sum(x, [0]), n), x.type.shape, [1]));
    const scale = spread(b, b.sum(input([4]), [0]), x.type.shape, [1]);
    return [
      b.sum(b.add(input([4]), b.mul(centred, scale)), [0]),
      b.sum(b.sub(input([4]), centred), [0]),
      b.sum(b.sub(centred, input([4])), [0]),
    ];
  },
  "sum-factor": ({ b, input, x, n }) => {
    const v = input([3, 4]);
    const perChannel = (positive = false) => spread(b, x([3], positive), v.type.shape, [1]);
    return [
      b.sum(b.mul(v, n), [0, 2]),
      b.sum(b.div(v, n), [0, 2]),
      b.sum(b.neg(v), [0]),
      b.sum(b.mul(v, perChannel()), [0, 2]),
      b.sum(b.mul(b.div(v, perChannel(true)), b.mul(input([3, 4]), perChannel())), [0, 2]),
      b.sum(b.mul(perChannel(), perChannel()), [0, 2]),
      b.sum(b.div(perChannel(), b.add(b.mul(v, v), 1)), [0, 2]),
      b.sum(b.mul(v, spread(b, x([1, 4]), v.type.shape, [1, 2])), [0, 1]),
    ];
  },
  "sum-broadcast": ({ b, x }) => [
    b.sum(spread(b, x([3]), ["n", 3, 4], [1]), [0, 2]),
    b.sum(spread(b, x([3]), ["n", 3, 4], [1]), [0, 1, 2]),
    b.sum(spread(b, x([3]), ["n", 3, 4], [1]), [0]),
    b.sum(spread(b, x([3, 1]), [3, 4], [0, 1]), [1]),
    b.sum(spread(b, x([3, 1, 2]), [3, 4, 2], [0, 1, 2]), [1, 2]),
    b.sum(spread(b, b.const(2.5), ["n", 7], []), [0, 1]),
  ],
  "sum-sum": ({ b, x }) => [b.sum(b.sum(x([2, 3, 4]), [1]), [1]), b.sum(b.sum(x([2, 3, 4]), [0]), [0])],
  "sum-unpool": ({ b, x }) => {
    const window = { kernel: [3, 2], stride: [2, 2], padding: [1, 0, 1, 0] };
    const index = b.op("max_pool2d_index", [x([3, 2, 5, 6])], window);
    const dy = x([3, 2, 3, 3]);
    return [b.sum(b.op("max_unpool2d", [dy, index], { ...window, shape: [3, 2, 5, 6] }), [0, 2, 3])];
  },
  "sum-transpose": ({ b, x }) => [b.sum(b.transpose(x([2, 3, 4, 5]), [3, 1, 0, 2]), [1])],
  "sum-reshape": ({ b, x }) => [
    b.sum(b.reshape(x([2, 6]), [3, 4]), [0, 1]),
    b.sum(b.reshape(x([2, 6]), [2, 1, 6]), [2]),
    b.sum(b.reshape(x([2, 1, 6]), [1, 2, 6]), [1]),
  ],
  "pool-rising": ({ b, x, input, n }) => {
    const window = { kernel: [3, 2], stride: [2, 2], padding: [1, 0, 1, 0] };
    const v = input([2, 5, 6]);
    const pool = (y: Value) => b.op("max_pool2d", [y], window);
    const perChannel = () => spread(b, x([2]), v.type.shape, [1]);
    const perSample = spread(b, b.sum(input([4]), [1]), v.type.shape, [0]);
    const least = (y: Value, bound: number) => b.where(b.binary("le", y, bound), bound, y);
    const most = (y: Value, bound: number) => b.where(b.binary("ge", y, bound), bound, y);
    return [
      pool(b.add(v, perChannel())),
      pool(b.sub(b.add(v, perChannel()), perSample)),
      pool(least(b.add(v, perChannel()), 0)),
      pool(b.where(b.binary("le", v, -1), -1, most(v, 1))),
      pool(b.where(b.binary("gt", v, 0), v, b.mul(v, 0.1))),
      pool(b.where(b.binary("gt", v, 0), v, b.mul(b.op("expm1", [v]), 1.5))),
      pool(b.binary("maximum", v, perChannel())),
      pool(b.op("tanh", [b.div(v, 3)])),
      pool(b.add(v, n)),
    ];
  },

  "combine-factors": ({ b, x, n }) => {
    const v = x([4, 3]);
    const perColumn = () => spread(b, x([3], true), [4, 3], [1]);
    return [
      b.mul(b.mul(v, n), 3),
      b.div(b.mul(v, n), 3),
      b.mul(b.div(v, n), 3),
      b.div(b.div(v, n), 3),
      b.mul(b.div(v, perColumn()), perColumn()),
      b.div(b.mul(v, n), perColumn()),
    ];
  },
  "constant-numerator": ({ b, n }) => [b.mul(b.div(2, n), 3), b.div(b.div(2, n), 3)],
  "mul-reciprocal": ({ b, x }) => [b.mul(x([3]), b.div(1, x([3], true))), b.mul(b.div(1, x([3], true)), x([3]))],
  "div-reciprocal": ({ b, x }) => [b.div(x([3]), b.div(1, x([3], true)))],
  "common-factor": ({ b, x, n }) => [
    b.add(b.mul(x([3]), n), b.mul(x([3]), n)),
    b.sub(b.div(x([3]), n), b.div(x([3]), n)),
    b.sub(b.mul(x([3]), 0.5), b.mul(x([3]), 0.5)),
  ],
  "common-divisor": ({ b, x, n }) => [
    b.add(b.mul(x([3]), b.div(2, n)), b.div(x([3]), n)),
    b.sub(b.div(x([3]), n), b.div(0.1, n)),
  ],
};
