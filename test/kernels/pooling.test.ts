/** Pooling in the registers of Winograd's transforms, against convolution and pooling as they are defined. */
import { expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { createTrainer } from "../../runtime/index.ts";
import { noise } from "../threads/noise.ts";

const model = (net: string) => `model pooled {
  input  image: f32[3, 16, 8]
  target label: class[5]
  net { ${net}; flatten; linear(5) }
  loss cross_entropy(net, label)
  optimizer sgd(lr = 0.1)
  train { batch = 3, convolution = winograd4 }
}
`;

async function trained(source: string, options: Parameters<typeof compile>[1]) {
  const compilation = compile(source, options);
  const executable = compilation.executable(
    (js) => import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(js)}`),
  );
  const trainer = await createTrainer(executable, { seed: 2 });
  const losses: number[] = [];
  for (const [step, n] of [3, 2, 1].entries()) losses.push((await trainer.step(noise(trainer.manifest, n, step))).loss);
  return { losses, tensors: trainer.tensors(), kernels: compilation.report.kernels.map(({ kernel }) => kernel) };
}

test.each([
  ["windows of 2", "conv2d(8, kernel = 3, padding = 1); max_pool2d(2)", true],
  [
    "an activation between",
    "conv2d(6, kernel = 5, padding = 2); relu; max_pool2d(2); conv2d(5, kernel = 3, padding = 1); max_pool2d(4)",
    true,
  ],
  ["scaled after pooling", "conv2d(7, kernel = 3, padding = 1, bias = false); max_pool2d([2, 4]); tanh", true],
  [
    "the convolution is used elsewhere too",
    "let y = in |> conv2d(8, kernel = 3, padding = 1); concat([y |> max_pool2d(2) |> flatten, y |> flatten], axis = 1)",
    false,
  ],
  ["windows that cross tiles", "conv2d(8, kernel = 3, padding = 1); max_pool2d(3)", false],
  ["tiles beyond the image", "conv2d(8, kernel = 3, padding = 0); max_pool2d(2)", false],
])("%s", async (_, net, joined) => {
  const source = model(net);
  const exact = await trained(source, { backend: "js", precision: "f64", numerics: "strict" });
  for (const blocks of ["never", "always"] as const) {
    const { losses, tensors, kernels } = await trained(source, { numerics: "fast", blocks });
    expect(kernels.some((kernel) => /^untile.*max_pool2d/.test(kernel))).toBe(joined);
    losses.forEach((loss, i) => {
      expect(Math.abs(loss - exact.losses[i])).toBeLessThan(2e-5);
    });
    tensors.forEach(({ name, data }, i) => {
      const error = Math.max(...data.map((v, j) => Math.abs(v - exact.tensors[i].data[j])));
      expect(error, name).toBeLessThan(2e-5);
    });
  }
});
