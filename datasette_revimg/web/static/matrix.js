// The matrix on a canvas. A cell shows its two pictures and opens the page that compares them.

import { go, load, RING, View } from "./stage.js";

const stage = document.getElementById("revimg-stage");
const pair = document.getElementById("revimg-shown");
const { base, values, rows, range, palette } = JSON.parse(
  document.getElementById("revimg-data").textContent,
);
const count = rows.length;
const page = (index, name) => `${base}/${rows[index][0]}/-/${name}`;
const compare = ([row, column]) =>
  `${page(row, "compare")}?with=${encodeURIComponent(rows[column][0])}`;

const halves = new Uint16Array(await (await load(stage, values)).arrayBuffer());
// The values above the diagonal, row by row.
const cosine = (row, column) => {
  if (row === column) return 1;
  const [first, last] = row < column ? [row, column] : [column, row];
  return halves[first * count - (first * (first + 1)) / 2 + last - first - 1] / 32767.5 - 1;
};

const cells = new OffscreenCanvas(count, count);
const pixels = new Uint32Array(count * count).fill(palette[255]);
// Show the most similar pair first: it may be a duplicate.
let cell = [0, 1];
let most = -1;
for (let at = 0, row = 0; row < count; row++) {
  for (let column = row + 1; column < count; column++, at++) {
    if (halves[at] > most) [most, cell] = [halves[at], [row, column]];
    const level = (halves[at] / 32767.5 - 1 - range[0]) / (range[1] - range[0]);
    const colour = palette[Math.round(Math.max(0, Math.min(1, level)) * 255)];
    pixels[row * count + column] = pixels[column * count + row] = colour;
  }
}
const image = new ImageData(new Uint8ClampedArray(pixels.buffer), count);
cells.getContext("2d").putImageData(image, 0, 0);

const show = (chosen) => {
  cell = chosen;
  view.draw();
  pair.hidden = false;
  pair.querySelector(".revimg-score").textContent = cosine(...cell).toFixed(4);
  pair.querySelector(".revimg-compare-link").href = compare(cell);
  cell.forEach((index, side) => {
    const shown = pair.querySelectorAll(".revimg-two > div")[side];
    const picture = shown.querySelector("img");
    const [frame, name] = shown.querySelectorAll("a");
    const url = page(index, "thumbnail");
    if (picture.getAttribute("src") !== url) picture.src = url;
    picture.alt = name.textContent = rows[index][1];
    frame.href = page(index, "similar");
    name.href = `${base}/${rows[index][0]}`;
  });
};

const under = (x, y) => {
  const found = [(y - view.top) / view.scale, (x - view.left) / view.scale].map(Math.floor);
  return found.every((index) => index >= 0 && index < count) ? found : null;
};

const label = "Arrow keys choose a cell, with Shift ten further; Enter compares its two pictures.";
const view = new View(
  stage,
  label,
  { width: count, height: count, most: 96, room: 0 },
  {
    draw() {
      const { context, scale, left, top } = view;
      const whole = count * scale;
      context.imageSmoothingEnabled = scale * view.ratio < 1;
      context.drawImage(cells, left, top, whole, whole);
      const size = Math.max(scale, 5);
      const [y, x] = cell.map((index) => (index + 0.5) * scale);
      context.strokeStyle = RING;
      context.fillStyle = "#fff8";
      context.fillRect(left, top + y, whole, 1);
      context.fillRect(left + x, top, 1, whole);
      context.lineWidth = 2;
      context.strokeRect(left + x - size / 2, top + y - size / 2, size, size);
    },
    hover(x, y) {
      const found = under(x, y);
      if (found && String(found) !== String(cell)) show(found);
    },
    click(x, y, event) {
      const found = under(x, y);
      if (!found) return;
      // Fingers can't hover: the first touch shows the pictures.
      if (event.pointerType === "touch" && String(found) !== String(cell)) show(found);
      else go(compare(found), event);
    },
    arrow(dx, dy, far) {
      const step = (at, by) => Math.max(0, Math.min(count - 1, at + by * (far ? 10 : 1)));
      show([step(cell[0], dy), step(cell[1], dx)]);
      const { scale, left, top } = view;
      view.reveal(cell[1] * scale + left, cell[0] * scale + top, scale, scale);
    },
    enter: (event) => go(compare(cell), event),
  },
);
show(cell);
