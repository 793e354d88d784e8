/** The results of bench.mjs as Markdown tables. */
import { median, round } from "./statistics.mjs";

const table = (head, rows) =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

/** A network's times, and what the peers take for each unit of ours: above 1, mlc is faster. */
function comparison({ network, what, batch, numerics, milliseconds, ratios, fastest, agreement, notes }) {
  const ratio = (name) =>
    Object.entries(ratios)
      .filter(([key]) => key === name || key.startsWith(`${name} / `))
      .map(([key, { median, min, max }]) => `${median} (${min}–${max})${key === name ? "" : key.slice(name.length)}`);
  const rows = Object.entries(milliseconds).map(([name, { median, quartiles, min, max }]) => {
    return [name, median, quartiles.join("–"), `${min}–${max}`, ratio(name).join("; "), agreement[name] ?? ""];
  });
  const title = `${network}, ${what === "train" ? "training step" : "forward"}, batch ${batch}, numerics ${numerics}`;
  const best = Object.entries(fastest).map(
    ([threads, { peer, ratio }]) => `Against the fastest on ${threads}, ${peer}: ${ratio}.`,
  );
  const head = ["", "median ms", "quartiles", "range", "its time / mlc's", "results differ by"];
  return [`### ${title}`, table(head, rows), [...best, ...notes].join("\n")].join("\n\n");
}

const sections = {
  machine: ({ cpu, cores, node }) => `${cpu}, ${cores} cores, Node ${node}`,

  networks: (list) => list.map(comparison).join("\n\n"),
  forward: (list) => list.map(comparison).join("\n\n"),

  notes: (list) => list.join("\n"),

  kernels({ peak_gflops, milliseconds, calls }) {
    const rows = calls.map((c) => [
      c.kernel,
      c.output,
      c.milliseconds,
      c.best,
      c.gflops.definition,
      c.gflops.executed,
      `${Math.round(100 * c.best_of_peak)} %`,
    ]);
    const head = ["kernel", "output", "median ms", "best ms", "GFLOP/s", "executed", "best executed, of peak"];
    return `### Kernels: ${milliseconds} ms in all; measured SIMD peak ${peak_gflops} GFLOP/s\n\n${table(head, rows)}`;
  },

  build({ milliseconds, artifact }) {
    const files = artifact.files
      .map(({ name, bytes, gzipped }) => `${name} ${bytes} B (${gzipped} gzipped)`)
      .join(", ");
    return `### mlc build\n\n${milliseconds.median} ms from process start (${milliseconds.min}–${milliseconds.max}); ${files}; ${artifact.gzipped} B gzipped in all`;
  },

  startup(models) {
    const rows = models.flatMap(({ name, runs }) =>
      runs.map(({ threads, load, first, steps }) => {
        return [name, threads, load.median, first.median, steps.slice(1, 4).join(", "), round(median(steps.slice(4)))];
      }),
    );
    const head = ["artifact", "threads", "until the trainer stands, ms", "first step", "next three", "later ones"];
    return `### The first steps of an artifact\n\n${table(head, rows)}`;
  },

  memory: ({ peakMB, datasetMB, besideMB }) =>
    `### Memory of training\n\npeak ${peakMB} MB resident, of which the dataset takes ${datasetMB} MB: ${besideMB} MB beside it`,
};

export function markdown(results) {
  return Object.entries(results)
    .map(([name, result]) => sections[name](result))
    .join("\n\n");
}
