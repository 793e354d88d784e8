/** Parameters and buffers: their names (PyTorch's state_dict names), and the list of all that the model has. */
import type { TensorDecl } from "../ir/graph.ts";
import type { Sharing } from "./sharing.ts";

/**
 * Where in the net we are: `layer1.0.conv1.`. A step with a label adds its label; one without adds its layer's name, numbered
 * from the second on (`conv2d`, `conv2d_2`), and only if the layer turns out to have parameters.
 */
export class ParamPath {
  /** Names taken here by parameters and by steps that have some. */
  private readonly taken = new Set<string>();
  /** A step without a label is named by this place itself. */
  private isTransparent = false;
  private frozen: boolean;
  /** Whether there can be no parameters here. */
  readonly onlyBuffers: boolean;

  private constructor(
    readonly prefix: string,
    private readonly parent: ParamPath | null,
    private readonly segment: string,
    /** The innermost shared layer around this place. */
    readonly sharing: Sharing | null,
    onlyBuffers = false,
  ) {
    this.frozen = parent?.frozen ?? false;
    this.onlyBuffers = parent?.onlyBuffers ?? onlyBuffers;
  }

  static root(): ParamPath {
    return new ParamPath("", null, "", null);
  }
  /** Where the steps of the data clause are. */
  static data(): ParamPath {
    return new ParamPath("data.", null, "", null, true);
  }
  labelled(label: string): ParamPath {
    return new ParamPath(`${this.prefix}${label}.`, this, label, this.sharing);
  }
  /** The same place for one more application of a shared layer: its names are free again. */
  again(sharing: Sharing | null): ParamPath {
    const path = new ParamPath(this.prefix, this.parent, this.segment, sharing, this.onlyBuffers);
    path.frozen = this.frozen;
    return path;
  }
  unlabelled(name: string): ParamPath {
    if (this.isTransparent) return this.opaque();
    let candidate = name;
    for (let i = 2; this.taken.has(candidate); i++) candidate = `${name}_${i}`;
    return this.labelled(candidate);
  }
  /** The same place, which its one step without a label shares. */
  transparent(): ParamPath {
    const path = this.again(this.sharing);
    path.isTransparent = true;
    return path;
  }
  /** The same place, where steps without a label have names of their own. */
  opaque(): ParamPath {
    return this.isTransparent ? this.again(this.sharing) : this;
  }
  /** Parameters declared here and further in are not trained. */
  freeze(): void {
    this.frozen = true;
  }
  get isFrozen(): boolean {
    return this.frozen;
  }
  isTaken(name: string): boolean {
    return this.taken.has(name);
  }
  /** Takes a name for a parameter, and with it the names of the steps around it. */
  claim(name: string): void {
    this.taken.add(name);
    this.parent?.claim(this.segment);
  }
}

/** The tensors that live between calls, in the order of their declaration. The training and evaluation graphs share them. */
export class Tensors {
  private readonly declared = new Map<string, TensorDecl>();

  /** The declaration in force: the first one of that name. */
  declare(decl: TensorDecl): TensorDecl {
    const known = this.declared.get(decl.name);
    if (!known) this.declared.set(decl.name, decl);
    return known ?? decl;
  }
  get all(): readonly TensorDecl[] {
    return [...this.declared.values()];
  }
}
