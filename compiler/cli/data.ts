/** `mlc data`: which datasets there are; `mlc data cifar10`: fetch and verify one. */
import { resolve } from "node:path";
import { Argument, type Command } from "commander";
import type { Io } from "./io.ts";

interface DataOptions {
  readonly data?: string;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

export function addData(program: Command, io: Io): void {
  program
    .command("data")
    .description("fetch a dataset, or verify the one that is there; without a name, list the datasets")
    .addArgument(new Argument("[name]", "the dataset").choices(["cifar10", "cifar100"]))
    .option("--data <dir>", "put it there instead of into the user's cache")
    .option("--quiet", "no progress, no report")
    .option("--json", "report as JSON")
    .addHelpText(
      "after",
      `
Data sources of models beside these, which need no fetching:
  image_folder("photos/train", eval = "photos/val")   a folder of PNG and JPEG pictures for each class
  npy("folder", eval = "folder")                      an array for each input and target
  synthetic()                                         drawn images of 10 classes`,
    )
    .action(async (name: string | undefined, options: DataOptions) => {
      if (name === undefined) await list(options, io);
      else await fetchAndVerify(name, options, io);
    });
}

async function fetchAndVerify(name: string, options: DataOptions, io: Io): Promise<void> {
  const { CIFARS, IMAGE_BYTES, filesOf } = await import("./data/cifar-files.ts");
  const { cifarCache, readVerified } = await import("./data/cifar.ts");
  const { fetchCifar } = await import("./data/fetch.ts");
  const { thousands } = await import("./text.ts");
  const cifar = CIFARS.find((known) => known.name === name)!;
  const directory = options.data === undefined ? cifarCache(io.env, cifar) : resolve(options.data);
  await fetchCifar(cifar, directory, { io, quiet: options.quiet });
  for (const file of cifar.files) readVerified(cifar, directory, file);
  if (options.json) {
    const files = cifar.files.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 }));
    io.stdout.write(`${JSON.stringify({ event: "data", name, directory, files })}\n`);
  } else if (!options.quiet) {
    const [training, test] = (["train", "test"] as const).map((split) => {
      const bytes = filesOf(cifar, split).reduce((sum, file) => sum + file.bytes, 0);
      return thousands(bytes / (cifar.labelBytes + IMAGE_BYTES));
    });
    io.stdout.write(`${cifar.title}: ${training} training and ${test} test images in ${directory}\n`);
    for (const { name, sha256 } of cifar.files) io.stdout.write(`  ${name.padEnd(18)} SHA-256 ${sha256}\n`);
  }
}

/** Where each dataset lies, how large it is, and whether its files are the official ones. */
async function list(options: DataOptions, io: Io): Promise<void> {
  const { CIFARS } = await import("./data/cifar-files.ts");
  const { cifarState } = await import("./data/cifar.ts");
  const { byteSize } = await import("./text.ts");
  const states = CIFARS.map((cifar) => ({ name: cifar.name, ...cifarState(cifar, options.data, io.env) }));
  if (options.json) {
    for (const state of states) io.stdout.write(`${JSON.stringify({ event: "dataset", ...state })}\n`);
  } else if (!options.quiet) {
    for (const { name, directory, bytes, state } of states) {
      const size = bytes > 0 ? `, ${byteSize(bytes)}` : "";
      io.stdout.write(`${name.padEnd(10)} ${state}${size}  ${directory}\n`);
    }
  }
}
