/** A frozen subject as float64 JavaScript: its value and its gradients, wherever the variables are moved to. */
import type { Engine, ManifestProgram } from "../../runtime/abi.ts";
import { Layouts } from "../3-passes/layout.ts";
import { assemble } from "../4-codegen/assemble.ts";
import { emitJs } from "../4-codegen/js-backend.ts";
import { planPrograms } from "../compile.ts";
import type { Builder } from "../ir/builder.ts";
import type { Module } from "../ir/graph.ts";
import { elements } from "../ops/tensor.ts";
import { runPasses } from "../pipeline.ts";
import type { Target } from "../target.ts";
import type { Frozen } from "./frozen.ts";

/** Makes a module of its text. */
export type Load = (js: string) => Promise<{ instantiate(): Engine }>;

const TARGET: Target = { backend: "js", lanes: 1, floatBytes: 8, numerics: "strict", blocks: "never" };

/** Where a variable lies in the kernels' memory, what it holds at the point, and its gradient there. */
export interface Coordinates {
  readonly place: Float64Array;
  readonly contents: Float64Array;
  readonly gradient: Float64Array;
}

export class Surface {
  readonly value: number;
  readonly variables: readonly Coordinates[];

  private constructor(
    places: readonly Float64Array[],
    private readonly result: Float64Array,
    private readonly engine: Engine,
    { gradients }: Readonly<Record<string, ManifestProgram>>,
  ) {
    engine.run("gradients", 1);
    this.variables = places.map((place, i) => ({
      place,
      contents: place.slice(),
      gradient: new Float64Array(engine.memory, gradients.results[i].address, place.length).slice(),
    }));
    this.value = this.run();
  }

  /** By the passes and the backend that models go through. */
  static async of({ objective, variables, tensors, contents }: Frozen, b: Builder, load: Load): Promise<Surface> {
    const value = { name: "value", results: [{ name: "value", value: objective }], updates: [] };
    const results = variables.map((leaf, i) => ({ name: String(i), value: b.op("grad", [objective, leaf]) }));
    const programs = [value, { name: "gradients", results, updates: [] }];
    const module: Module = { name: "gradients", batch: 1, inputs: [], tensors, programs };
    const passed = runPasses(module, b, { target: TARGET });
    const layouts = new Layouts();
    const { loops, manifest } = assemble(passed, planPrograms(passed, layouts, TARGET), layouts, TARGET, false);
    const engine = (await load(emitJs(loops))).instantiate();
    const places = new Map(
      manifest.tensors.map(({ name, shape, address }) => [
        name,
        new Float64Array(engine.memory, address, elements(shape)),
      ]),
    );
    for (const [name, { data }] of contents) places.get(name)!.set(data);
    return new Surface(
      variables.map(({ attrs }) => places.get(attrs.name as string)!),
      new Float64Array(engine.memory, manifest.programs.value.results[0].address, 1),
      engine,
      manifest.programs,
    );
  }

  /** The value where these variables, one behind the other, are moved so far in a direction. */
  moved(variables: readonly Coordinates[], direction: Float64Array, by: number): number {
    let at = 0;
    for (const { place, contents } of variables) {
      for (let i = 0; i < place.length; i++) place[i] = contents[i] + by * direction[at + i];
      at += place.length;
    }
    const value = this.run();
    for (const { place, contents } of variables) place.set(contents);
    return value;
  }

  private run(): number {
    this.engine.run("value", 1);
    return this.result[0];
  }
}
