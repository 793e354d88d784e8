/** The files of the standard library. */
import type { SourceFile } from "../diagnostics.ts";
import activations from "./activations.model";
import initialisers from "./initialisers.model";
import layers from "./layers.model";
import layersAttention from "./layers-attention.model";
import layersNorm from "./layers-norm.model";
import layersPool from "./layers-pool.model";
import layersShape from "./layers-shape.model";
import losses from "./losses.model";
import metrics from "./metrics.model";
import optimizers from "./optimizers.model";
import schedules from "./schedules.model";
import transforms from "./transforms.model";

export const LIBRARY: readonly SourceFile[] = [
  { name: "std/layers.model", text: layers },
  { name: "std/layers-pool.model", text: layersPool },
  { name: "std/layers-norm.model", text: layersNorm },
  { name: "std/layers-shape.model", text: layersShape },
  { name: "std/layers-attention.model", text: layersAttention },
  { name: "std/activations.model", text: activations },
  { name: "std/losses.model", text: losses },
  { name: "std/metrics.model", text: metrics },
  { name: "std/optimizers.model", text: optimizers },
  { name: "std/schedules.model", text: schedules },
  { name: "std/initialisers.model", text: initialisers },
  { name: "std/transforms.model", text: transforms },
];
