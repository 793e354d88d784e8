/** `mlc train --tensorboard`: the event file, read back record by record. */
import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { maskedCrc } from "../../compiler/cli/training/tensorboard.ts";
import { mlc, SMALL, Workplace } from "./run.ts";

const work = new Workplace();
const model = work.file("small.model", SMALL);

interface Scalar {
  readonly tag: string;
  readonly step: number;
  readonly value: number;
}

/** Fields of a protobuf message: numbers, or the bytes of what is nested. */
function* fields(bytes: Buffer): Generator<[number: number, value: number | Buffer]> {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const [number, type] = [key >> 3, key & 7];
    if (type === 0) yield [number, varint()];
    else {
      const length = type === 1 ? 8 : type === 5 ? 4 : varint();
      const value = bytes.subarray(at, at + length);
      at += length;
      yield [number, type === 1 ? value.readDoubleLE() : type === 5 ? value.readFloatLE() : value];
    }
  }
}

function scalarsOf(file: Buffer): { version: string; scalars: Scalar[] } {
  const scalars: Scalar[] = [];
  let version = "";
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    const event = file.subarray(at + 12, at + 12 + length);
    expect(file.readUInt32LE(at + 8)).toBe(maskedCrc(file.subarray(at, at + 8)));
    expect(file.readUInt32LE(at + 12 + length)).toBe(maskedCrc(event));
    at += 16 + length;
    const outer = new Map(fields(event));
    version ||= String(outer.get(3));
    for (const [, value] of outer.has(5) ? fields(outer.get(5) as Buffer) : []) {
      const inner = new Map(fields(value as Buffer));
      scalars.push({ tag: String(inner.get(1)), step: outer.get(2) as number, value: inner.get(2) as number });
    }
  }
  return { version, scalars };
}

test("the checksum is CRC-32C, masked", () => {
  const crc = 0xe3069283; // of "123456789", by RFC 3720
  expect(maskedCrc(Buffer.from("123456789"))).toBe((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
});

test("has what --log has", async () => {
  const [directory, log] = [work.path("tb"), work.path("log.jsonl")];
  const { code } = await mlc(["train", model, "--epochs", "2", "--tensorboard", directory, "--log", log]);
  expect(code).toBe(0);
  const [name] = readdirSync(directory);
  expect(name).toMatch(/^events\.out\.tfevents\.\d+\./);
  const { version, scalars } = scalarsOf(work.read(`tb/${name}`));
  expect(version).toBe("brain.Event:2");
  const events = work.lines("log.jsonl");
  const steps = events.filter(({ event }) => event === "step");
  const losses = scalars.filter(({ tag }) => tag === "train/loss");
  expect(losses.map(({ step, value }) => [step, value])).toEqual(
    steps.map(({ step, loss }) => [step, Math.fround(loss as number)]),
  );
  const accuracy = events.filter(({ event }) => event === "eval").map((e) => Math.fround(e.accuracy as number));
  expect(scalars.filter(({ tag }) => tag === "eval/accuracy")).toEqual([
    { tag: "eval/accuracy", step: 10, value: accuracy[0] },
    { tag: "eval/accuracy", step: 20, value: accuracy[1] },
  ]);
  expect(new Set(scalars.map(({ tag }) => tag))).toEqual(
    new Set([
      "train/loss",
      "train/lr",
      "epoch/loss_sum",
      "epoch/loss_mean",
      "epoch/seconds",
      "eval/loss",
      "eval/accuracy",
    ]),
  );
});

test("a directory that cannot be made is an error before training", async () => {
  const { code, stderr } = await mlc(["train", model, "--tensorboard", `${model}/inside`]);
  expect(code).toBe(1);
  expect(stderr).toContain("cannot write TensorBoard's events");
});
