/**
 * `elaborate(tree, options)`: from the syntax tree to a module of tensor programs. The model is elaborated twice, for training
 * and for evaluation, with one builder: what the two have in common is one graph.
 */

import type { ManifestData, ManifestMeasure } from "../../runtime/abi.ts";
import type { Model, SyntaxTree } from "../1-parse/syntax.ts";
import { CompileError, type Diagnostic } from "../diagnostics.ts";
import * as errors from "../errors.ts";
import { Builder } from "../ir/builder.ts";
import type { InputDecl, Module, Program, Value } from "../ir/graph.ts";
import { LIBRARY } from "../std/index.ts";
import { type Clauses, sortClauses } from "./clauses.ts";
import { type Application, Context, Diagnostics, type Env } from "./context.ts";
import { dataSettings } from "./data-settings.ts";
import { Failure } from "./failure.ts";
import { declareInput } from "./inputs.ts";
import { importedConstants, Linker } from "./linker.ts";
import { Namespaces } from "./namespaces.ts";
import { NET, NetOverrides } from "./net-overrides.ts";
import { elaborateOptimizer } from "./optimizer.ts";
import { constantOverrides, withOverrides } from "./overrides.ts";
import { Tensors } from "./parameters.ts";
import { ModelPass } from "./programs.ts";
import { type ProgramRequirement, programRequirements, refusals } from "./requirements.ts";
import { type TrainSettings, trainSettings } from "./settings.ts";
import { unsuitedActivations, unusedArguments, unusedLets, withoutEffect } from "./warnings.ts";

export interface ElaborateOptions {
  /** Values of `--set`: `optimizer.lr` → `0.01`. */
  readonly overrides?: Readonly<Record<string, string>>;
  /** In place of `train { batch = … }`. */
  readonly batch?: number;
}

export interface Elaborated {
  readonly module: Module;
  readonly builder: Builder;
  /** What the net gives in training, by name. */
  readonly outputs: Program["results"];
  /** The learning rate of a step, of rank 0. */
  readonly lr: Value | null;
  readonly data: ManifestData | null;
  /** Programs that measure a buffer each, on the training data. */
  readonly measures: readonly ManifestMeasure[];
  readonly requirements: readonly ProgramRequirement[];
  readonly train: TrainSettings;
  readonly warnings: readonly Diagnostic[];
  /** Where the net and the loss apply definitions of the user's, in training. */
  readonly applications: readonly Application[];
}

export function elaborate(tree: SyntaxTree, options: ElaborateOptions = {}): Elaborated {
  const diagnostics = new Diagnostics();
  try {
    return new Elaboration(diagnostics).run(tree, options);
  } catch (e) {
    if (!(e instanceof Failure)) throw e;
    for (const diagnostic of e.diagnostics) diagnostics.add(diagnostic);
    throw new CompileError(diagnostics.all);
  }
}

class Elaboration {
  private readonly b = new Builder();
  private readonly names: Namespaces;
  private readonly tensors = new Tensors();

  constructor(private readonly diagnostics: Diagnostics) {
    this.names = new Namespaces(this.b, LIBRARY);
  }

  run(tree: SyntaxTree, options: ElaborateOptions): Elaborated {
    const model = this.onlyModel(tree);
    const sorted = sortClauses(tree, model, this.diagnostics);
    const early = new Context(this.b, true, this.names, this.tensors, this.diagnostics, 1);
    const { constants, others } = constantOverrides(tree, this.allOverrides(options), this.diagnostics);
    const linker = new Linker(early, constants);
    linker.define(tree, sorted, this.names.user);
    const ofNet = new NetOverrides(others.filter(({ section, path }) => section === NET && path.length > 0));
    const clauses = withOverrides(
      sorted,
      others.filter(({ section, path }) => section !== NET || path.length === 0),
      this.names,
      importedConstants(tree),
      this.diagnostics,
    );
    linker.constants(clauses.lets, this.names.user);
    linker.assertions(clauses.asserts, this.names.user);
    const { train, update } = this.settings(clauses, early);
    const ctx = (training: boolean): Context =>
      new Context(this.b, training, this.names, this.tensors, this.diagnostics, train.batch, ofNet);
    const inputs = this.inputs(clauses, ctx(true));
    const data = clauses.data && dataSettings(clauses.data, this.env(ctx(true)));
    const [training, evaluation] = [true, false].map(
      (mode) => new ModelPass(clauses, inputs, data, this.env(ctx(mode))),
    );
    if (!this.diagnostics.failed) ofNet.report(this.diagnostics);
    const { loss } = training;
    const applications = [...training.ctx.applications];
    // A model without a loss, by mistake, still has its optimizer looked at.
    const optimizer =
      clauses.optimizer && elaborateOptimizer(clauses.optimizer, loss, training.storedUpdates(), update, training.ctx);
    this.stopIfFailed();
    const requirements = programRequirements(training, evaluation);
    for (const warning of [
      ...withoutEffect(clauses, this.tensors.all, loss!, evaluation.metricValues),
      ...unusedLets(tree.file),
      ...unusedArguments(tree),
      ...unsuitedActivations(training.ctx.losses),
      ...refusals(requirements, train.batch),
    ]) {
      this.diagnostics.add(warning);
    }
    const trainStep = { name: "train_step", results: [{ name: "loss", value: loss! }], updates: optimizer!.batch };
    const updating = optimizer!.update ? [{ name: "update", results: [], updates: optimizer!.update }] : [];
    const measures = evaluation.measurePrograms();
    const module: Module = {
      name: model.name.text,
      batch: train.batch,
      inputs,
      tensors: [...this.tensors.all, ...optimizer!.states],
      programs: [trainStep, ...updating, evaluation.evaluateProgram(), evaluation.forwardProgram(), ...measures],
    };
    this.b.span = null;
    return {
      module,
      builder: this.b,
      outputs: training.outputs,
      lr: optimizer!.lr,
      data,
      measures: measures.map(({ name, results }) => ({ tensor: results[0].name, program: name })),
      requirements,
      train,
      warnings: this.diagnostics.all,
      applications,
    };
  }

  private onlyModel(tree: SyntaxTree): Model {
    const models = tree.items.filter((item) => item.kind === "model");
    if (models.length === 1) return models[0];
    const span = models[1]?.name.span ?? { file: tree.file, start: 0, end: 0 };
    throw new Failure(errors.modelCount({ count: models.length }, span), true);
  }

  private allOverrides({ overrides, batch }: ElaborateOptions): Readonly<Record<string, string>> {
    return batch === undefined ? { ...overrides } : { ...overrides, "train.batch": String(batch) };
  }

  private settings(clauses: Clauses, ctx: Context): ReturnType<typeof trainSettings> {
    return trainSettings(clauses.train, this.env(ctx));
  }

  private inputs(clauses: Clauses, ctx: Context): InputDecl[] {
    const declared = clauses.inputs.map((clause) => declareInput(clause, this.env(ctx)));
    const seen = new Set<string>();
    for (const { name, kind } of clauses.inputs) {
      if (seen.has(name.text)) this.diagnostics.add(errors.duplicateName({ kind, name: name.text }, name.span));
      seen.add(name.text);
    }
    return declared.filter((decl) => decl !== null);
  }

  /** Where the model's clauses stand. */
  private env(ctx: Context): Env {
    const { user } = this.names;
    return { ctx, scope: user.values, spaces: user, prefer: null, path: null };
  }

  private stopIfFailed(): void {
    if (this.diagnostics.failed) throw new CompileError(this.diagnostics.all);
  }
}
