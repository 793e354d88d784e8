/**
 * The files of `--tensorboard`: an event file that TensorBoard reads. Its records are length, CRC, protobuf `Event`, CRC
 * (tensorflow/core/lib/io/record_writer, tensorflow/core/util/event.proto); only scalars are written.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileError } from "../errors.ts";
import { makeDirectory } from "../files.ts";
import type { TrainEvent } from "./events.ts";
import type { Log } from "./log.ts";

/** A new file in `directory`: TensorBoard joins the files of a resumed run by their steps. */
export function openTensorBoard(directory: string): Log {
  const attempt = <T>(action: () => T): T => {
    try {
      return action();
    } catch (error) {
      throw fileError(error, `cannot write TensorBoard's events to ${directory}`);
    }
  };
  const now = () => Date.now() / 1000;
  const file = attempt(() => {
    makeDirectory(directory);
    return openSync(join(directory, `events.out.tfevents.${Math.floor(now())}.${hostname()}.${process.pid}`), "w");
  });
  const write = (event: Uint8Array) => attempt(() => writeSync(file, record(event)));
  write(message(field.double(1, now()), field.text(3, "brain.Event:2")));
  let step = 0;
  return {
    write: (event) => {
      if (event.event === "step") step = event.step;
      const values = scalars(event).map(([tag, value]) =>
        field.bytes(1, message(field.text(1, tag), field.float(2, value))),
      );
      write(message(field.double(1, now()), field.integer(2, step), field.bytes(5, message(...values))));
    },
    close: () => closeSync(file),
  };
}

/** What an event says, by the names under which TensorBoard draws it. */
function scalars(event: TrainEvent): [tag: string, value: number][] {
  const { event: kind, ...values } = event;
  const left = { step: ["loss", "lr"], epoch: ["loss_sum", "loss_mean", "seconds"], eval: Object.keys(values) }[kind];
  const prefix = { step: "train", epoch: "epoch", eval: "eval" }[kind];
  return left.flatMap((name): [string, number][] => {
    const value = (values as Record<string, unknown>)[name];
    return typeof value === "number" && name !== "epoch" && name !== "n" ? [[`${prefix}/${name}`, value]] : [];
  });
}

/** Protobuf's wire format: a key of field number and wire type, then the value. */
const field = {
  integer: (number: number, value: number) => [...varint(number << 3), ...varint(value)],
  double: (number: number, value: number) => [
    ...varint((number << 3) | 1),
    ...new Uint8Array(Float64Array.of(value).buffer),
  ],
  float: (number: number, value: number) => [
    ...varint((number << 3) | 5),
    ...new Uint8Array(Float32Array.of(value).buffer),
  ],
  bytes: (number: number, value: Uint8Array) => [...varint((number << 3) | 2), ...varint(value.length), ...value],
  text: (number: number, value: string) => field.bytes(number, new TextEncoder().encode(value)),
};

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
}

const message = (...fields: readonly number[][]): Uint8Array => Uint8Array.from(fields.flat());

function record(event: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(16 + event.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, event.length, true);
  view.setUint32(8, maskedCrc(bytes.subarray(0, 8)), true);
  bytes.set(event, 12);
  view.setUint32(12 + event.length, maskedCrc(event), true);
  return bytes;
}

/** CRC-32C (Castagnoli), rotated and offset so that a CRC of data that holds CRCs is a good one too. */
export function maskedCrc(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
