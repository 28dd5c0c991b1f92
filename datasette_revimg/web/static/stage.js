// A canvas that is panned and zoomed by dragging, pinching, the wheel, keys and buttons.
// (x, y) of the world is at x * scale + left, y * scale + top, in CSS pixels.

// The colour of the ring around the chosen picture or cell.
export const RING = "#ff5a1f";

const CLICK = 6;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
// 0 shows all.
const ZOOMS = { "+": 1.4, "=": 1.4, "-": 1 / 1.4, 0: 1e-9 };

export class View {
  // The world is `width` × `height`, with `room` around it; `most` is the largest scale.
  // `on` has draw(moving), hover(x, y), leave(), click(x, y, event), arrow(dx, dy, far), enter().
  constructor(stage, label, world, on) {
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { tabIndex: 0, role: "application", ariaLabel: label });
    const context = canvas.getContext("2d");
    Object.assign(this, world, { on, canvas, context, pointers: new Map() });
    stage.replaceChildren(canvas, this.buttons());
    for (const name of ["down", "move", "up", "cancel", "leave"]) {
      canvas.addEventListener(`pointer${name}`, (event) => this[name](event));
    }
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.resize();
  }

  buttons() {
    const bar = document.createElement("div");
    bar.className = "revimg-zoom";
    for (const [key, text, title] of [
      ["+", "+", "Zoom in"],
      ["-", "−", "Zoom out"],
      ["0", "⤢", "Show all"],
    ]) {
      const button = document.createElement("button");
      Object.assign(button, { textContent: text, title, ariaLabel: title });
      button.onclick = () => this.zoom(ZOOMS[key]);
      bar.append(button);
    }
    return bar;
  }

  resize() {
    const { canvas, scale, least, room } = this;
    this.ratio = window.devicePixelRatio || 1;
    this.across = canvas.clientWidth;
    this.along = canvas.clientHeight;
    canvas.width = Math.round(this.across * this.ratio);
    canvas.height = Math.round(this.along * this.ratio);
    this.least = Math.max(
      1e-6,
      Math.min((this.across - 2 * room) / this.width, (this.along - 2 * room) / this.height),
    );
    // A world that was shown whole stays whole.
    if (!(scale > least * 1.001)) this.scale = this.least;
    this.zoom(1);
  }

  zoom(factor, x = this.across / 2, y = this.along / 2) {
    const scale = Math.max(this.least, Math.min(this.scale * factor, this.most));
    const by = scale / this.scale;
    this.scale = scale;
    this.pan((x - this.left) * (1 - by) || 0, (y - this.top) * (1 - by) || 0);
  }

  pan(dx, dy) {
    // The world stays in sight: centred where it is smaller, else covering the canvas.
    const hold = (at, size, seen) => {
      const free = seen - size * this.scale;
      if (free >= 2 * this.room) return free / 2;
      return Math.min(this.room, Math.max(free - this.room, at || 0));
    };
    this.left = hold(this.left + dx, this.width, this.across);
    this.top = hold(this.top + dy, this.height, this.along);
    this.draw(true);
  }

  // Pan just enough to bring a box into sight.
  reveal(x, y, w, h) {
    const into = (at, size, seen) => Math.max(0, 30 - at) + Math.min(0, seen - 30 - at - size);
    this.pan(into(x, w, this.across), into(y, h, this.along));
  }

  // Draw on the next frame, however often this is called.
  draw(moving = false) {
    this.moving ||= moving;
    this.frame ??= requestAnimationFrame(() => {
      const moved = this.moving;
      this.frame = null;
      this.moving = false;
      this.context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
      this.context.clearRect(0, 0, this.across, this.along);
      this.on.draw(moved);
    });
  }

  down(event) {
    if (event.button) return;
    this.canvas.setPointerCapture(event.pointerId);
    if (!this.pointers.size) this.dragged = 0;
    this.pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
  }

  move({ offsetX: x, offsetY: y, pointerId, pointerType }) {
    const before = this.pointers.get(pointerId);
    if (!before) return pointerType === "touch" || this.on.hover(x, y);
    this.pointers.set(pointerId, [x, y]);
    const other = [...this.pointers].find(([id]) => id !== pointerId)?.[1];
    const gap = ([px, py], [qx, qy]) => Math.hypot(px - qx, py - qy) || 1;
    this.dragged += other ? CLICK + 1 : gap([x, y], before);
    if (other) this.zoom(gap([x, y], other) / gap(before, other), ...other);
    else if (this.dragged > CLICK) this.pan(x - before[0], y - before[1]);
  }

  up(event) {
    if (this.pointers.delete(event.pointerId) && this.dragged <= CLICK) {
      this.on.click(event.offsetX, event.offsetY, event);
    }
  }

  cancel(event) {
    this.pointers.delete(event.pointerId);
  }

  leave(event) {
    if (event.pointerType !== "touch" && !this.pointers.size) this.on.leave?.();
  }

  wheel(event) {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode ? 30 : 1);
    const factor = Math.exp(-Math.max(-200, Math.min(200, pixels)) / 300);
    this.zoom(factor, event.offsetX, event.offsetY);
  }

  key(event) {
    const { key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (ARROWS[key]) this.on.arrow(...ARROWS[key], event.shiftKey);
    else if (ZOOMS[key]) this.zoom(ZOOMS[key]);
    else if (key === "Enter") this.on.enter(event);
    else if (key === "Escape") this.on.leave?.();
    else return;
    event.preventDefault();
  }
}

export const go = (url, event) => {
  if (event.ctrlKey || event.metaKey) window.open(url, "_blank", "noopener");
  else location.href = url;
};

// Return the response. If it is an error, show the server's sentence and never return.
export const load = async (stage, url) => {
  const response = await fetch(url).catch(() => new Response("", { status: 503 }));
  if (response.ok) return response;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const textContent = page.querySelector("h1")?.textContent || "The server can’t be reached";
  const note = Object.assign(document.createElement("p"), { role: "alert", textContent });
  note.className = "revimg-alert";
  stage.append(note);
  return new Promise(() => {});
};
