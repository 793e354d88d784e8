/** The files of the standard library. */
import type { SourceFile } from "../diagnostics.ts";
import activations from "./activations.model";
import activationsAxis from "./activations-axis.model";
import initialisers from "./initialisers.model";
import layers from "./layers.model";
import layersAttention from "./layers-attention.model";
import layersConv from "./layers-conv.model";
import layersDropout from "./layers-dropout.model";
import layersNorm from "./layers-norm.model";
import layersPad from "./layers-pad.model";
import layersPool from "./layers-pool.model";
import layersPoolWindows from "./layers-pool-windows.model";
import layersResize from "./layers-resize.model";
import layersShape from "./layers-shape.model";
import losses from "./losses.model";
import lossesBinary from "./losses-binary.model";
import lossesClasses from "./losses-classes.model";
import lossesDistances from "./losses-distances.model";
import metrics from "./metrics.model";
import optimizers from "./optimizers.model";
import schedules from "./schedules.model";
import transforms from "./transforms.model";

export const LIBRARY: readonly SourceFile[] = [
  { name: "std/layers.model", text: layers },
  { name: "std/layers-conv.model", text: layersConv },
  { name: "std/layers-pool.model", text: layersPool },
  { name: "std/layers-norm.model", text: layersNorm },
  { name: "std/layers-dropout.model", text: layersDropout },
  { name: "std/layers-shape.model", text: layersShape },
  { name: "std/layers-pad.model", text: layersPad },
  { name: "std/layers-resize.model", text: layersResize },
  { name: "std/layers-attention.model", text: layersAttention },
  { name: "std/layers-pool-windows.model", text: layersPoolWindows },
  { name: "std/activations.model", text: activations },
  { name: "std/activations-axis.model", text: activationsAxis },
  { name: "std/losses.model", text: losses },
  { name: "std/losses-classes.model", text: lossesClasses },
  { name: "std/losses-binary.model", text: lossesBinary },
  { name: "std/losses-distances.model", text: lossesDistances },
  { name: "std/metrics.model", text: metrics },
  { name: "std/optimizers.model", text: optimizers },
  { name: "std/schedules.model", text: schedules },
  { name: "std/initialisers.model", text: initialisers },
  { name: "std/transforms.model", text: transforms },
];
