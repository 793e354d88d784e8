/** `mlc data cifar10`: fetch and verify the dataset. */
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
    .description("fetch a dataset, or verify the one that is there")
    .addArgument(new Argument("<name>", "the dataset").choices(["cifar10"]))
    .option("--data <dir>", "put it there instead of into the user's cache")
    .option("--quiet", "no progress, no report")
    .option("--json", "report as JSON")
    .action(async (_name: string, options: DataOptions) => cifar10(options, io));
}

async function cifar10(options: DataOptions, io: Io): Promise<void> {
  const { CIFAR10 } = await import("./data/cifar10-files.ts");
  const { cifar10Cache, readVerified } = await import("./data/cifar10.ts");
  const { fetchCifar10 } = await import("./data/fetch.ts");
  const directory = options.data === undefined ? cifar10Cache(io.env) : resolve(options.data);
  await fetchCifar10(CIFAR10, directory, { io, quiet: options.quiet });
  for (const file of CIFAR10.files) readVerified(directory, file);
  if (options.json) {
    const files = CIFAR10.files.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 }));
    io.stdout.write(`${JSON.stringify({ event: "data", name: "cifar10", directory, files })}\n`);
  } else if (!options.quiet) {
    io.stdout.write(`CIFAR-10: 50,000 training and 10,000 test images in ${directory}\n`);
    for (const { name, sha256 } of CIFAR10.files) io.stdout.write(`  ${name.padEnd(18)} SHA-256 ${sha256}\n`);
  }
}
