/** Some pictures, and what the network takes them for. */

export class Pictures {
  #texts;
  #dataset;

  /** Shows the first pictures of the dataset, one a class. */
  constructor(container, dataset) {
    this.#dataset = dataset;
    const cards = dataset.names.map((name, i) => {
      const card = document.createElement("div");
      const text = document.createElement("p");
      card.append(drawing(dataset, i), text);
      text.textContent = name;
      return card;
    });
    container.replaceChildren(...cards);
    this.#texts = cards.map((card) => card.lastElementChild);
  }

  /** The pixels of all of them, as a trainer takes them. */
  get image() {
    const { images, length } = this.#dataset;
    return images.subarray(0, this.#texts.length * (images.length / length));
  }

  /** Shows the class of the highest score of each, and its probability. */
  show(logits) {
    const { names, labels } = this.#dataset;
    const classes = names.length;
    this.#texts.forEach((text, i) => {
      const scores = logits.subarray(i * classes, (i + 1) * classes);
      const highest = Math.max(...scores);
      const best = scores.indexOf(highest);
      const probability = 1 / scores.reduce((sum, score) => sum + Math.exp(score - highest), 0);
      const guess = document.createElement("b");
      guess.className = best === labels[i] ? "right" : "wrong";
      guess.textContent = names[best];
      const note = document.createElement("small");
      note.textContent = `${(100 * probability).toFixed(0)} % sure${best === labels[i] ? "" : `; it is a ${names[labels[i]]}`}`;
      text.replaceChildren(guess, document.createElement("br"), note);
    });
  }
}

function drawing({ images, shape: [, height, width] }, index) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const pixels = new ImageData(width, height);
  const area = width * height;
  for (let at = 0; at < area; at++) {
    // Planes of red, green and blue become pixels of red, green, blue and opacity.
    for (let c = 0; c < 3; c++) pixels.data[4 * at + c] = images[(3 * index + c) * area + at];
    pixels.data[4 * at + 3] = 255;
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return canvas;
}
