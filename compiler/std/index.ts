/** The files of the standard library. */
import { type LibraryFile, unpacked } from "../1-parse/library.ts";
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

export const LIBRARY: readonly LibraryFile[] = [
  unpacked("std/layers.model", layers),
  unpacked("std/layers-conv.model", layersConv),
  unpacked("std/layers-pool.model", layersPool),
  unpacked("std/layers-norm.model", layersNorm),
  unpacked("std/layers-dropout.model", layersDropout),
  unpacked("std/layers-shape.model", layersShape),
  unpacked("std/layers-pad.model", layersPad),
  unpacked("std/layers-resize.model", layersResize),
  unpacked("std/layers-attention.model", layersAttention),
  unpacked("std/layers-pool-windows.model", layersPoolWindows),
  unpacked("std/activations.model", activations),
  unpacked("std/activations-axis.model", activationsAxis),
  unpacked("std/losses.model", losses),
  unpacked("std/losses-classes.model", lossesClasses),
  unpacked("std/losses-binary.model", lossesBinary),
  unpacked("std/losses-distances.model", lossesDistances),
  unpacked("std/metrics.model", metrics),
  unpacked("std/optimizers.model", optimizers),
  unpacked("std/schedules.model", schedules),
  unpacked("std/initialisers.model", initialisers),
  unpacked("std/transforms.model", transforms),
];
