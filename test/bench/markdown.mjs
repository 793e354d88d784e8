/** The results of bench.mjs as Markdown tables. */

const table = (head, rows) =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

const sections = {
  machine: ({ cpu, cores, node }) => `${cpu}, ${cores} cores, Node ${node}`,

  step({ batch, rounds, torch, milliseconds, mlc_over, mlc_fast_over }) {
    const ratio = (r) => (r ? `${r.median} (${r.min}–${r.max})` : "");
    const rows = Object.entries(milliseconds).map(([name, { median, quartiles, min, max }]) => {
      return [name, median, quartiles.join("–"), `${min}–${max}`, ratio(mlc_over[name]), ratio(mlc_fast_over[name])];
    });
    const title = `Training step of the reference network, batch ${batch}, one thread, ${rounds} alternating rounds`;
    const head = ["", "median ms", "quartiles", "range", "mlc / it", "mlc_fast / it"];
    return `### ${title}${torch ? `, PyTorch ${torch}` : ""}\n\n${table(head, rows)}`;
  },

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

  memory: ({ peakMB, datasetMB, besideMB }) =>
    `### Memory of training\n\npeak ${peakMB} MB resident, of which the dataset takes ${datasetMB} MB: ${besideMB} MB beside it`,
};

export function markdown(results) {
  return Object.entries(results)
    .map(([name, result]) => sections[name](result))
    .join("\n\n");
}
