/** Draws the loss by step: each batch, a smoothed line, and the evaluations. */

const MARGIN = { left: 40, right: 8, top: 8, bottom: 22 };

/** The mean of the batches so far, the recent ones weighing most. */
function smoothed(points) {
  let sum = 0;
  let weight = 0;
  return points.map(({ step, loss }) => {
    sum = 0.9 * sum + loss;
    weight = 0.9 * weight + 1;
    return { step, loss: sum / weight };
  });
}

/** 1, 2 or 5 times a power of ten, so that there are about `count` lines. */
function spacing(range, count) {
  const rough = range / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
}

export function drawChart(canvas, { points, evaluations, totalSteps }) {
  const { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = width * devicePixelRatio;
  canvas.height = height * devicePixelRatio;
  const context = canvas.getContext("2d");
  context.scale(devicePixelRatio, devicePixelRatio);
  const style = getComputedStyle(canvas);
  const colour = (name) => resolveColour(canvas, `var(--${name})`);

  const finite = points.filter(({ loss }) => Number.isFinite(loss));
  const highest = Math.max(1, ...finite.map(({ loss }) => loss));
  const x = (step) => MARGIN.left + (step / totalSteps) * (width - MARGIN.left - MARGIN.right);
  const y = (loss) => height - MARGIN.bottom - (loss / highest) * (height - MARGIN.top - MARGIN.bottom);

  context.font = `12px ${style.fontFamily}`;
  context.fillStyle = colour("quiet");
  context.strokeStyle = colour("line");
  context.textAlign = "right";
  context.textBaseline = "middle";
  const rows = spacing(highest, 5);
  for (let loss = 0; loss <= highest; loss += rows) {
    context.fillText(String(Number(loss.toPrecision(3))), MARGIN.left - 8, y(loss));
    line(context, [
      [MARGIN.left, y(loss)],
      [width - MARGIN.right, y(loss)],
    ]);
  }
  context.textAlign = "center";
  const columns = spacing(totalSteps, 8);
  for (let step = columns; step < totalSteps; step += columns) context.fillText(String(step), x(step), height - 8);

  context.lineJoin = "round";
  context.strokeStyle = colour("faint");
  line(
    context,
    finite.map(({ step, loss }) => [x(step), y(loss)]),
  );
  context.strokeStyle = colour("accent");
  context.lineWidth = 2;
  line(
    context,
    smoothed(finite).map(({ step, loss }) => [x(step), y(loss)]),
  );
  context.fillStyle = colour("bad");
  for (const { step, loss } of evaluations) {
    context.beginPath();
    context.arc(x(step), y(Math.min(loss, highest)), 4, 0, 2 * Math.PI);
    context.fill();
  }
}

function line(context, places) {
  context.beginPath();
  for (const [x, y] of places) context.lineTo(x, y);
  context.stroke();
}

/** Canvases take no variables of the style sheet: the colour as it is computed. */
function resolveColour(element, value) {
  element.style.color = value;
  const { color } = getComputedStyle(element);
  element.style.color = "";
  return color;
}
