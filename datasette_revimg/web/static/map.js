// The map: thumbnails at their places, from sprite sheets; larger ones where there is room.

import { go, load, RING, View } from "./stage.js";

// With more pictures than this, a snapshot is moved; it extends beyond the canvas by this share.
const MOST_DRAWN = 300;
const BEYOND = 0.3;
// How many thumbnails are fetched one by one, and the longest side of a picture.
const MOST_LARGE = 120;
const LARGEST = 240;

const stage = document.getElementById("revimg-stage");

const data = await (await load(stage, stage.dataset.url)).json();
const { base, cell, rows } = data;
const columns = 1024 / cell;
const sheets = [];
const large = new Map();
let { places } = data;
let chosen = null;
let side = 0;
let shot = null;
let idle = null;
const page = (index, name) => `${base}/${rows[index][0]}/-/${name}`;

const tip = document.createElement("div");
tip.className = "revimg-tip";
tip.hidden = true;
tip.innerHTML = '<img alt=""><span role="status"></span>';

const renew = () => {
  shot = null;
  view.draw();
};

// Pictures grow more slowly than the distances between them, so that zooming separates them.
const spriteSide = () => {
  const most = Math.min(LARGEST, view.across / 3, view.along / 3);
  const fair = 0.8 * view.least * Math.sqrt((view.width * view.height) / rows.length);
  return Math.min(most, Math.max(8, Math.min(fair, 96)) * (view.scale / view.least) ** 0.6);
};

const place = (index) => [
  places[index][0] * view.width * view.scale + view.left,
  places[index][1] * view.height * view.scale + view.top,
];

const box = (index) => {
  const [x, y] = place(index);
  const [w, h] = [2, 3].map((at) => (rows[index][at] * side) / cell);
  return [x - w / 2, y - h / 2, w, h];
};

const visible = (beyond) => {
  const [mx, my] = [view.across * beyond + side, view.along * beyond + side];
  const found = [];
  for (let index = 0; index < rows.length; index++) {
    const [x, y] = place(index);
    if (x > -mx && y > -my && x < view.across + mx && y < view.along + my) found.push(index);
  }
  return found;
};

const thumbnail = (index) => {
  let picture = large.get(index);
  if (!picture) {
    picture = new Image();
    picture.onload = renew;
    picture.src = page(index, "thumbnail");
  }
  if (large.size > 5 * MOST_LARGE) large.clear();
  large.set(index, picture);
  return picture.naturalWidth && picture;
};

const paint = (context, indices) => {
  const fine = side * view.ratio > cell * 1.2 && indices.length <= MOST_LARGE;
  context.fillStyle = "#8886";
  context.imageSmoothingQuality = "medium";
  for (const index of indices) {
    const picture = fine && thumbnail(index);
    const sheet = sheets[Math.floor(index / columns ** 2)];
    const at = index % columns ** 2;
    const [, , w, h] = rows[index];
    if (picture) context.drawImage(picture, ...box(index));
    else if (!sheet) context.fillRect(...box(index));
    else {
      const [x, y] = [at % columns, Math.floor(at / columns)];
      context.drawImage(sheet, x * cell, y * cell, w, h, ...box(index));
    }
  }
};

const snapshot = () => {
  const { ratio, across, along, scale, left, top } = view;
  const [x, y] = [across * BEYOND, along * BEYOND];
  const canvas = new OffscreenCanvas((across + 2 * x) * ratio, (along + 2 * y) * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, x * ratio, y * ratio);
  paint(context, visible(BEYOND));
  shot = { canvas, scale, left: left + x, top: top + y };
};

// Return where the snapshot is drawn now; false once it no longer covers the canvas well enough.
const lies = () => {
  const { across, along } = view;
  const by = view.scale / shot?.scale;
  const [x, y] = [view.left - shot?.left * by, view.top - shot?.top * by];
  const [w, h] = [across, along].map((size) => size * (1 + 2 * BEYOND) * by);
  return x <= 0 && y <= 0 && x + w >= across && y + h >= along && by < 2 && [x, y, w, h];
};

// A picture drawn as large as the tip's own needs none there. Called when drawing too, because a
// zoom shows only then how large pictures are.
const fillTip = () => {
  const [picture] = tip.children;
  const url = page(chosen, "thumbnail");
  picture.hidden = side >= 150;
  if (!picture.hidden && picture.getAttribute("src") !== url) picture.src = url;
};

const ring = (context) => {
  fillTip();
  const [x, y, w, h] = box(chosen);
  paint(context, [chosen]);
  context.strokeStyle = RING;
  context.lineWidth = 3;
  context.strokeRect(x - 1, y - 1, w + 2, h + 2);
  const fits = x + w + 9 + tip.offsetWidth < view.across;
  const right = fits ? x + w + 9 : Math.max(4, x - 9 - tip.offsetWidth);
  const down = Math.max(4, Math.min(y, view.along - tip.offsetHeight - 4));
  tip.style.transform = `translate(${right}px, ${down}px)`;
};

const choose = (index, touched = false) => {
  chosen = index;
  tip.hidden = index === null;
  if (index !== null) {
    fillTip();
    tip.lastChild.textContent = rows[index][1] + (touched ? ": tap again to find similar" : "");
  }
  view.draw();
};

// Return the topmost picture under a point.
const under = (px, py) => {
  const found = rows.findLastIndex((_, index) => {
    const [x, y, w, h] = box(index);
    return px >= x && py >= y && px <= x + w && py <= y + h;
  });
  return found < 0 ? null : found;
};

// Return the picture nearest to a point: within 45° of a direction, or in any direction.
const nearest = ([px, py], dx, dy) => {
  let [best, least] = [null, Infinity];
  for (let index = 0; index < rows.length; index++) {
    const [x, y] = [place(index)[0] - px, place(index)[1] - py];
    const ahead = dx || dy ? x * dx + y * dy : Infinity;
    const aside = Math.abs(x * dy) + Math.abs(y * dx);
    const far = Math.hypot(x, y);
    if (ahead > 0.01 && aside <= ahead && far < least) [best, least] = [index, far];
  }
  return best;
};

const label = "Arrow keys go from picture to picture; Enter finds similar ones.";
const view = new View(
  stage,
  label,
  { width: 1, height: 1, room: 0, most: 1e6 },
  {
    draw(moving) {
      side = spriteSide();
      const indices = visible(0);
      if (indices.length <= MOST_DRAWN) paint(view.context, indices);
      else {
        if (!lies() || (!moving && shot.scale !== view.scale)) snapshot();
        view.context.drawImage(shot.canvas, ...lies());
        clearTimeout(idle);
        if (moving) idle = setTimeout(() => view.draw(), 150);
      }
      if (chosen !== null) ring(view.context);
    },
    hover(x, y) {
      const found = under(x, y);
      view.canvas.classList.toggle("revimg-points", found !== null);
      if (found !== chosen) choose(found);
    },
    leave: () => choose(null),
    click(x, y, event) {
      const found = under(x, y);
      // Fingers can't hover: the first touch shows the label.
      const first = event.pointerType === "touch" && found !== chosen;
      if (found === null || first) choose(found, true);
      else go(page(found, "similar"), event);
    },
    arrow(dx, dy) {
      if (chosen === null) choose(nearest([view.across / 2, view.along / 2], 0, 0));
      else choose(nearest(place(chosen), dx, dy) ?? chosen);
      view.reveal(...box(chosen));
    },
    enter: (event) => chosen !== null && go(page(chosen, "similar"), event),
  },
);
// The axes have no unit, so the map takes the shape of the canvas.
view.width = Math.max(0.6, Math.min(1.8, view.across / view.along));
// Leave room for half a thumbnail, so that those at the edges are whole.
view.room = 6 + Math.min(48, 0.4 * Math.sqrt((view.across * view.along) / rows.length));
view.resize();
view.most = view.least * Math.max(6, Math.sqrt(rows.length));
stage.append(tip);

const moveTo = (goal) => {
  const from = places;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const begun = performance.now() - (still ? 1000 : 0);
  const step = (now) => {
    const left = Math.max(0, Math.min(1, 1 - (now - begun) / 1000)) ** 2;
    places = goal.map(([x, y], i) => [x + (from[i][0] - x) * left, y + (from[i][1] - y) * left]);
    renew();
    if (left) requestAnimationFrame(step);
  };
  step(performance.now());
};

const improve = async (wait) => {
  await new Promise((resolve) => setTimeout(resolve, wait));
  const better = await (await load(stage, data.improved)).json();
  if (better.pending) return improve(Math.min(wait * 1.5, 10000));
  document.getElementById("revimg-method").textContent = better.method;
  return moveTo(better.places);
};

const fetchSheets = async () => {
  for (const url of data.sheets) {
    sheets.push(await createImageBitmap(await (await load(stage, url)).blob()));
    renew();
  }
};

fetchSheets();
if (data.pending) improve(700);
