import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { explain, stages } from "../../compiler/explain.ts";

const read = (name: string) => readFileSync(new URL(`../../models/${name}.model`, import.meta.url), "utf8");
const regression = (loss: string) => `model r {
  input image: f32[1, 4, 4]
  target y: f32[3]
  net { flatten; linear(3) }
  loss ${loss}(net, y)
  optimizer sgd(lr = 0.1)
}`;

describe("explain --stage gradient", () => {
  test.each([
    ["cross_entropy", read("tutorial"), "d loss / d logits = (softmax(logits) - one_hot(label)) / n"],
    ["cross_entropy behind batch norm", read("resnet20"), "d loss / d logits = (softmax(logits) - one_hot(label)) / n"],
    ["mse", regression("mse"), "d loss / d output = 2 * (output - y) / (3 * n)"],
    ["l1", regression("l1"), "d loss / d output = sign(output - y) / (3 * n)"],
  ])("shows the gradient of %s", (_, source, formula) => {
    const text = explain(source, { stage: "gradient", program: "train_step" });
    expect(text.split("\n")[0]).toBe(`; ${formula}`);
    expect(text).toContain("update");
  });
});

test.each(stages.map((stage) => stage.name))("stage %s explains every program", (stage) => {
  const text = explain(read("mlp"), { stage });
  for (const program of ["train_step", "evaluate", "forward"]) expect(text).toContain(program);
});
