/** The runtime: trains compiled models in Node, browsers and workers. Imports nothing but itself. */
export type * from "./abi.ts";
export { ABI_VERSION } from "./abi.ts";
export type * from "./api.ts";
export type { LoadOptions, Progress } from "./checkpoint.ts";
export { CIFAR10_CLASSES, parseCifar10 } from "./cifar10.ts";
export type { Column, Columns, Dataset } from "./dataset.ts";
export { type ErrorCode, NonFiniteError, TrainerError } from "./errors.ts";
export { hostFunction } from "./host.ts";
export {
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsFile,
  type StoredTensor,
  toNumbers,
} from "./safetensors.ts";
export { permutation } from "./shuffle.ts";
export { type SyntheticOptions, synthetic } from "./synthetic.ts";
export { createTrainer, type Trainer } from "./trainer.ts";
export { fromBase64, type WasmSource, wasmEngine } from "./wasm.ts";
export { serveKernels, WORKER_NAME } from "./worker.ts";
