/** The data that a model names: samples to train on and to evaluate on, in memory, that fit its inputs. */
import type { Manifest } from "../../../runtime/abi.ts";
import type { Dataset } from "../../../runtime/index.ts";
import { UserError } from "../errors.ts";
import { counted } from "../text.ts";
import { holdOut, type Parts, type Samples } from "./samples.ts";
import { misfit, type Opened, type OpenOptions, onlyInput, type Part, SOURCES } from "./sources.ts";

/** What is evaluated: what the model says, its training samples, or another part by name. */
export type Evaluated = "default" | "train" | "validation" | "eval";

export interface Datasets {
  /** Absent where only evaluation was asked for. */
  readonly training: Samples | null;
  /** Absent where the model names none. */
  readonly evaluation: Samples | null;
  /** For people: `cifar10: 50,000 training images (train), 10,000 evaluation images (test)`. */
  readonly title: string;
}

interface Request {
  readonly training: boolean;
  readonly evaluated?: Evaluated;
}

/** Opens the samples that training and evaluation need, or evaluation alone. */
export async function openData(manifest: Manifest, options: OpenOptions, request: Request): Promise<Datasets> {
  const { data } = manifest;
  if (data === null) {
    const help = "Add a clause such as `data cifar10(split = train, eval = test)` or `data synthetic()`.";
    throw new UserError("no-data", `the model ${manifest.name} has no \`data\` clause: there is nothing to read`, help);
  }
  const open = SOURCES[data.source];
  if (open === undefined) {
    const known = Object.keys(SOURCES).join(", ");
    throw new UserError("data-source", `the command line cannot read \`data ${data.source}\``, `It reads ${known}.`);
  }
  const validation = data.args.validation as number | undefined;
  const from = evaluatedPart(request.evaluated ?? "default", validation ?? 0);
  const parts: Part[] = [];
  if (request.training || from !== "eval") parts.push("training");
  if (from === "eval") parts.push("evaluation");
  const source = await open({ manifest, options, parts });
  const read = await readParts(manifest, source, parts, validation ?? 0, from);
  for (const samples of Object.values(read)) if (samples) checkFit(manifest, samples);
  const training = request.training ? read.training : null;
  return {
    training,
    evaluation: read.evaluation,
    title: titleOf(data.source, source, training, read.evaluation, from),
  };
}

function evaluatedPart(wanted: Evaluated, validation: number): Exclude<Evaluated, "default"> {
  if (wanted === "validation" && validation === 0) {
    const help =
      "Give the share that is held out, such as `data cifar10(validation = 0.1)`, or --set data.validation=0.1.";
    throw new UserError("data-validation", "the model's data clause holds no validation samples out", help);
  }
  if (wanted !== "default") return wanted;
  return validation > 0 ? "validation" : "eval";
}

async function readParts(
  manifest: Manifest,
  source: Opened,
  parts: readonly Part[],
  validation: number,
  from: Exclude<Evaluated, "default">,
): Promise<{ training: Samples | null; evaluation: Samples | null }> {
  const whole = parts.includes("training") ? await source.read("training") : null;
  // Read before the held-out samples are taken out: it may be the same split.
  const other = parts.includes("evaluation") ? await source.read("evaluation") : null;
  const split = whole && validation > 0 ? parted(manifest, whole, validation) : null;
  const training = split?.training ?? whole;
  if (from === "eval") return { training, evaluation: other };
  return { training, evaluation: from === "validation" ? split!.validation : training };
}

function parted({ data }: Manifest, whole: Samples, validation: number): Parts {
  const { length } = whole;
  const count = validation < 1 ? Math.round(validation * length) : validation;
  if (count < 1 || count >= length) {
    const found = `a validation of ${validation} takes ${count} of ${length} training samples`;
    throw new UserError("data-validation", `${found}: at least one must be held out, and one be left`);
  }
  return holdOut(whole, count, (data!.args.validation_seed as number | undefined) ?? 0);
}

function titleOf(
  name: string,
  source: Opened,
  training: Samples | null,
  evaluation: Samples | null,
  from: Exclude<Evaluated, "default">,
): string {
  const own = source.title("training");
  const other = from === "eval" ? source.title("evaluation") : from === "validation" ? `held out of ${own}` : own;
  const parts = [
    training && `${counted(training.length, `training ${nounOf(training)}`)} (${own})`,
    evaluation && `${counted(evaluation.length, `evaluation ${nounOf(evaluation)}`)} (${other})`,
  ];
  return `${name}: ${parts.filter(Boolean).join(", ")}`;
}

const nounOf = ({ data }: Samples): string => ("images" in data && "shape" in data ? "image" : "sample");

/** Images of the model's shape, labels that the target can be; named arrays have been looked at as they were read. */
function checkFit(manifest: Manifest, { data }: Samples): void {
  if (!("shape" in data && "images" in data)) return;
  const { shape, classes = 0 } = data as Dataset;
  const input = onlyInput(manifest);
  if (input.dtype !== "f32" || input.shape.join() !== shape.join()) {
    throw misfit(manifest, `has images f32[${shape.join(", ")}]`);
  }
  const targets = manifest.inputs.filter(({ role }) => role === "target");
  if (targets.length > 1) throw misfit(manifest, "gives each sample one label");
  for (const target of targets) {
    const size = target.shape.reduce((a, b) => a * b, 1);
    if (size !== 1 || (target.classes ?? classes) !== classes) {
      throw misfit(manifest, `gives each sample one label, class[${classes}]`);
    }
  }
}
