/** A compiled model as files that need nothing else: an ES module, its kernels, its types. */
import type { Manifest, ManifestInput } from "../../runtime/abi.ts";
import { declarationText, describeInput } from "./declarations.ts";

export interface BundleOptions {
  /** What the files are called; characters that are not fit for a file name become `_`. */
  readonly name: string;
  readonly manifest: Manifest;
  /** The kernels: WebAssembly, or else an ES module that exports `instantiate(): Engine`. */
  readonly wasm?: Uint8Array | null;
  readonly js?: string | null;
  /** Put the WebAssembly into the module, as base64. */
  readonly inline?: boolean;
  /** `virtual:runtime`: a script that defines `mlc`. */
  readonly runtimeSource: string;
}

export type Files = Record<string, string | Uint8Array>;

export function bundleArtifact(options: BundleOptions): Files {
  const { manifest, wasm, js, inline = false, runtimeSource } = options;
  const name = fileName(options.name);
  const files: Files = {
    [`${name}.js`]: [
      header(name, manifest),
      runtimeSource,
      `export const manifest = JSON.parse(${quoted(JSON.stringify(manifest))});\n`,
      wasm ? wasmText(name, wasm, inline, manifest) : jsText(js!),
      "export const { synthetic, parseCifar10, encodeSafetensors, decodeSafetensors, TrainerError, NonFiniteError } = mlc;\n",
    ].join("\n"),
    [`${name}.d.ts`]: declarationText(name, manifest, Boolean(wasm)),
  };
  if (wasm && !inline) files[`${name}.wasm`] = wasm;
  return files;
}

function fileName(name: string): string {
  return name.replace(/[^A-Za-z0-9._-]/g, "_").replace(/^\.+/, "") || "model";
}

/** The files' addresses are written so that bundlers see them, and take the files along. This one is also the workers' script. */
function wasmText(name: string, wasm: Uint8Array, inline: boolean, { threads }: Manifest): string {
  const source = inline ? `mlc.fromBase64("${base64(wasm)}")` : `new URL("./${name}.wasm", import.meta.url)`;
  if (!threads) {
    return `export const createTrainer = ({ wasm, ...options } = {}) =>
  mlc.createTrainer({ manifest, instantiate: () => mlc.wasmEngine(wasm ?? ${source}) }, options);
`;
  }
  return `const worker = new URL("./${name}.js", import.meta.url);
export const createTrainer = ({ wasm = ${source}, ...options } = {}) =>
  mlc.createTrainer(
    { manifest, kernels: { wasm, worker }, instantiate: () => mlc.wasmEngine(wasm, manifest.threads) },
    options,
  );
mlc.serveKernels(mlc.WORKER_NAME);
`;
}

function jsText(kernels: string): string {
  return `${kernels}
export const createTrainer = (options) =>
  mlc.createTrainer({ manifest, instantiate: async () => instantiate() }, options);
`;
}

function header(name: string, manifest: Manifest): string {
  const inputs = manifest.inputs.map((input) => ` *   ${input.name}: ${describeInput(input)}`);
  const example = `{ ${manifest.inputs.map((input: ManifestInput) => input.name).join(", ")} }`;
  const lines = [
    `${manifest.name}: a network compiled by mlc, with all that it takes to train it. It imports nothing.`,
    "",
    `  import { createTrainer } from "./${name}.js";`,
    "  const trainer = await createTrainer({ seed: 1 });",
    `  const { loss } = await trainer.step(${example});`,
    "",
    `A step takes 1 to ${manifest.batch} samples; arrays are row-major, the sample axis first:`,
  ];
  const comment = [...lines.map((line) => ` * ${line}`.trimEnd()), ...inputs].join("\n").replaceAll("*/", "* /");
  return `/**\n${comment}\n */`;
}

/** A string literal in single quotes: JSON is full of double ones. */
function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
