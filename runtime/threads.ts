/** Kernels that several threads run together: this one, and workers that wait for its calls. */
import { CONTROL, type Engine, type Executable, type KernelSource, type Manifest } from "./abi.ts";
import { TrainerError } from "./errors.ts";
import { givesBytes, patched } from "./wasm.ts";
import { type Assignment, serveKernels, WORKER_NAME } from "./worker.ts";

/** The most that "auto" takes: smaller shares gain little. */
const MOST_AUTO = 8;
/** Until a worker must have started. */
const START_MS = 10_000;

/**
 * Looks at the memory that a thread waits for, before it sleeps. Where there is a core for each thread, it is about a
 * millisecond: a system that has put two threads on one core notices only if neither sleeps.
 */
const PATIENCE = { long: 400_000, short: 20_000 };

/** How many threads to try for, and what to tell the caller if that is not what was asked for. */
export interface Choice {
  readonly threads: number;
  readonly note?: string;
}

export function chooseThreads(wanted: "auto" | number, { manifest, kernels }: Executable): Choice {
  const threads = wanted === "auto" ? Math.min(cores(), MOST_AUTO) : wanted;
  const instead = (reason: string): Choice => ({ threads: 1, note: `the kernels run on one thread: ${reason}` });
  if (threads === 1) return { threads };
  if (!manifest.threads || !kernels) return wanted === "auto" ? { threads: 1 } : instead("they were compiled for one");
  if (!mayShareMemory()) {
    return instead("threads share memory, which this page may not (it is not cross-origin isolated)");
  }
  if (!givesBytes(kernels.wasm)) return instead("a compiled module was given; give its bytes");
  const { most } = manifest.threads;
  return threads > most ? { threads: most, note: `the kernels run on ${most} threads: that is the most` } : { threads };
}

function cores(): number {
  if (inNode()) return process.getBuiltinModule("node:os").availableParallelism();
  return globalThis.navigator?.hardwareConcurrency ?? 1;
}

function inNode(): boolean {
  return Boolean(globalThis.process?.versions?.node);
}

function mayShareMemory(): boolean {
  const isolated = (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated;
  return typeof SharedArrayBuffer === "function" && isolated !== false;
}

/** An engine whose workers are still starting: see `Team.ready`. `clock` is for modules that were made to be timed. */
export async function startThreads(
  { wasm, worker }: KernelSource,
  { threads: facts, programs }: Manifest,
  threads: number,
  clock?: (kernel: number) => void,
): Promise<Team> {
  const { pages, limits } = facts!;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const names = Object.keys(programs);
  const team = new Team(memory, names, threads <= cores() ? PATIENCE.long : PATIENCE.short);
  const script = worker ?? new URL(`data:text/javascript,${encodeURIComponent(`(${serveKernels})("${WORKER_NAME}")`)}`);
  try {
    // While the workers start, the kernels are compiled.
    const compiled = patched(wasm, limits, 3).then((bytes) => WebAssembly.compile(bytes));
    const common = compiled.then((module) => ({ module, memory, threads, programs: names, control: CONTROL }));
    team.start(script, threads - 1, common);
    const { exports } = await WebAssembly.instantiate(await compiled, { env: { memory, ...(clock && { clock }) } });
    team.programs = exports as Team["programs"];
    return team;
  } catch (error) {
    team.dispose();
    throw error;
  }
}

/** What workers of Node and of browsers have in common. */
interface Member {
  postMessage(message: unknown): void;
  terminate(): unknown;
}

export class Team implements Engine {
  readonly memory: SharedArrayBuffer;
  /** Null once all workers wait for calls, or why they do not; the team is then disposed of. */
  ready: Promise<string | null> = Promise.resolve(null);
  programs: Record<string, (n: number, thread: number, threads: number) => number> = {};
  private readonly words: Int32Array;
  private readonly members: Member[] = [];
  /** Why the team can no longer run. */
  private failure: string | null = null;
  private disposed = false;

  constructor(
    memory: WebAssembly.Memory,
    private readonly names: readonly string[],
    patience: number,
  ) {
    this.memory = memory.buffer as unknown as SharedArrayBuffer;
    this.words = new Int32Array(this.memory);
    this.words[CONTROL.patience / 4] = patience;
    this.words[CONTROL.spin / 4] = maySleep(this.words) ? 0 : 1;
  }

  /** Starts so many workers. */
  start(script: URL, count: number, common: Promise<Omit<Assignment, "thread">>): void {
    const numbers = Array.from({ length: count }, (_, i) => i + 1);
    this.ready = Promise.all(numbers.map((thread) => this.member(script, thread, common))).then(
      () => null,
      (error) => {
        this.dispose();
        return error instanceof Error ? error.message : String(error);
      },
    );
  }

  /** Resolves when the worker is ready. */
  private member(script: URL, thread: number, common: Promise<Omit<Assignment, "thread">>): Promise<void> {
    return new Promise((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const fail = (reason: string) => {
        if (this.disposed) return;
        this.failure ??= reason;
        reject(new Error(reason));
      };
      const member = open(script, {
        heard: (message) => {
          clearTimeout(timer);
          if (message === "ready") resolve();
          else fail(String(message));
        },
        lost: (reason) => {
          clearTimeout(timer);
          fail(reason);
        },
      });
      this.members.push(member);
      common.then((assignment) => {
        timer = setTimeout(() => fail(`a worker did not start within ${START_MS / 1000} s`), START_MS);
        member.postMessage({ ...assignment, thread });
      }, reject);
    });
  }

  run(program: string, n: number): number {
    if (this.failure !== null) throw broken(this.failure);
    const { words } = this;
    words[CONTROL.program / 4] = this.names.indexOf(program);
    words[CONTROL.n / 4] = n;
    this.call();
    try {
      return this.programs[program](n, 0, this.members.length + 1);
    } catch (error) {
      this.failure = String(error);
      throw broken(this.failure);
    }
  }

  warmUp(): void {
    this.programs.warm_up?.(0, 0, 1);
  }

  dispose(): void {
    this.disposed = true;
    this.words[CONTROL.program / 4] = -1;
    this.call();
    for (const member of this.members) member.terminate();
  }

  private call(): void {
    Atomics.add(this.words, CONTROL.command / 4, 1);
    Atomics.notify(this.words, CONTROL.command / 4);
  }
}

function broken(reason: string): TrainerError {
  return new TrainerError("threads", `a thread of the kernels has died (${reason}): create the trainer anew`);
}

/** A page's own thread may not sleep. */
function maySleep(words: Int32Array): boolean {
  try {
    Atomics.wait(words, CONTROL.command / 4, 0, 0);
    return true;
  } catch {
    return false;
  }
}

interface Listener {
  heard(message: unknown): void;
  lost(reason: string): void;
}

function open(script: URL, listener: Listener): Member {
  const name = WORKER_NAME;
  if (inNode()) {
    const { Worker: NodeWorker } = process.getBuiltinModule("node:worker_threads");
    const worker = new NodeWorker(script, { workerData: name, execArgv: [], name });
    worker.on("message", (message) => {
      // From now on, a process that has nothing else to do may end.
      worker.unref();
      listener.heard(message);
    });
    worker.on("error", (error) => listener.lost(String(error)));
    worker.on("exit", () => listener.lost("it has ended"));
    return worker;
  }
  const worker = new Worker(script, { type: "module", name });
  worker.onmessage = ({ data }) => listener.heard(data);
  worker.onerror = (event) => listener.lost(event.message || `cannot load ${script.href}`);
  return worker;
}
