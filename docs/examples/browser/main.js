/** The page: starts and stops the training, and shows how it goes. */
import { drawChart } from "./chart.js";
import { Pictures } from "./pictures.js";

const EPOCHS = 8;
const element = (id) => document.getElementById(id);
const buttons = ["toggle", "restart", "save", "load"].map(element);

const page = {
  model: null,
  train: null,
  test: null,
  pictures: null,
  trainer: null,
  /** Ends the training that is running; null if none is. */
  stop: null,
  chart: { points: [], evaluations: [], totalSteps: 1 },
};

try {
  await open();
} catch (error) {
  fail(error);
}

async function open() {
  page.model = await import("./dist/shapes.js").catch(() => {
    throw new Error("Build the model first: npx mlc build docs/examples/shapes.model -o docs/examples/browser/dist");
  });
  const { synthetic, manifest } = page.model;
  page.train = synthetic({ length: 2048 });
  page.test = synthetic({ length: 500, split: "test" });
  page.pictures = new Pictures(element("pictures"), page.test);
  page.chart.totalSteps = EPOCHS * Math.ceil(page.train.length / manifest.batch);
  await startOver();
  addEventListener("resize", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  element("toggle").addEventListener("click", () => (page.stop ? page.stop.abort() : run()));
  element("restart").addEventListener("click", () => startOver().catch(fail));
  element("save").addEventListener("click", () => save().catch(fail));
  element("load").addEventListener("change", (event) => load(event.target).catch(fail));
}

async function startOver() {
  page.trainer?.dispose();
  page.trainer = await page.model.createTrainer({ seed: 1 });
  clearFigures();
  await look();
  ready(`${page.train.length} pictures to train on, ${page.test.length} to test on`);
}

function clearFigures() {
  page.chart.points = [];
  page.chart.evaluations = [];
  for (const id of ["epoch", "step", "loss", "accuracy", "rate"]) element(id).textContent = "–";
  element("progress").value = 0;
  draw();
}

/** Trains until the last epoch or the stop button; another start goes on from there. */
async function run() {
  page.stop = new AbortController();
  for (const button of buttons) button.disabled = button.id !== "toggle";
  element("toggle").textContent = "Stop";
  say("Training…");
  const { trainer, train, test, stop } = page;
  const rate = rateMeter();
  try {
    const options = { epochs: EPOCHS, evalDataset: test, signal: stop.signal, onStep: (step) => showStep(step, rate) };
    for await (const { evaluation } of trainer.fit(train, options)) {
      page.chart.evaluations.push({ step: trainer.progress.step, loss: evaluation.loss });
      element("accuracy").textContent = `${(100 * evaluation.accuracy).toFixed(1)} %`;
    }
    draw();
    await look();
    ready(trainer.progress.epoch === EPOCHS ? "Trained" : "Stopped");
  } catch (error) {
    fail(error);
  } finally {
    page.stop = null;
  }
}

/** Called after each step: figures always, chart and pictures a few times a second. */
async function showStep({ step, epoch, loss, n, totalSteps }, rate) {
  page.chart.points.push({ step, loss });
  element("epoch").textContent = `${epoch} of ${EPOCHS}`;
  element("step").textContent = step;
  element("loss").textContent = loss.toFixed(3);
  element("progress").value = step / totalSteps;
  rate.add(n);
  if (rate.due()) {
    element("rate").textContent = rate.value().toLocaleString("en");
    draw();
    await look();
  }
}

/** Images in a second of training, over the time since it was last read. */
function rateMeter() {
  let since = performance.now();
  let images = 0;
  return {
    add: (n) => {
      images += n;
    },
    due: () => performance.now() - since > 150,
    value: () => {
      const value = Math.round((1000 * images) / (performance.now() - since));
      since = performance.now();
      images = 0;
      return value;
    },
  };
}

function draw() {
  drawChart(element("chart"), page.chart);
}

async function look() {
  const { logits } = await page.trainer.predict({ image: page.pictures.image });
  page.pictures.show(logits);
}

async function save() {
  const bytes = await page.trainer.save();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes]));
  link.download = "shapes.safetensors";
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Weights and where the run stood: the start button goes on from there. */
async function load(input) {
  const [file] = input.files;
  await page.trainer.load(new Uint8Array(await file.arrayBuffer()));
  input.value = "";
  clearFigures();
  await look();
  ready(`Loaded ${file.name}`);
}

function ready(text) {
  const done = page.trainer.progress.epoch >= EPOCHS;
  for (const button of buttons) button.disabled = button.id === "toggle" && done;
  element("toggle").textContent = done ? "Done" : page.trainer.progress.step > 0 ? "Continue" : "Start";
  say(text);
}

function say(text) {
  element("status").textContent = text;
  element("status").className = "";
}

function fail(error) {
  element("status").textContent = error.message;
  element("status").className = "error";
  element("restart").disabled = page.trainer === null;
  element("toggle").disabled = true;
}
