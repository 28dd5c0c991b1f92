// <revimg-crop>: draw a rectangle on a picture, to search with that region alone.
//
// data-url is the page of the whole picture, data-crop the rectangle of the current results, in
// thousandths of the picture's sides. A search fires the event "revimg-crop" with the rectangle,
// and opens the page unless the event is cancelled.

const SIDE = 1000;
const LEAST = 20;
const STEP = 20;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  if (name === "button") made.type = "button";
  return made;
}

class RevimgCrop extends HTMLElement {
  connectedCallback() {
    // This runs again when an earlier page is put back.
    if (this.picture) return;
    this.picture = this.querySelector(".revimg-crop-picture");
    this.picture.querySelector("img").draggable = false;
    // A content security policy may forbid style attributes; scripts may set what they say.
    for (const box of this.picture.querySelectorAll(".revimg-box")) {
      box.style.cssText = box.getAttribute("style");
    }
    this.region =
      this.picture.querySelector(".revimg-crop-region") ||
      this.picture.appendChild(element("span", "revimg-crop-region", ""));
    this.region.tabIndex = 0;
    this.region.setAttribute("role", "group");
    const actions = this.appendChild(element("p", "revimg-crop-actions", ""));
    this.start = actions.appendChild(element("button", "", "Search a region"));
    this.search = actions.appendChild(element("button", "revimg-primary", "Search this region"));
    this.clear = actions.appendChild(element("button", "", "Clear"));
    const help = this.appendChild(
      element(
        "p",
        "revimg-hidden",
        "Arrow keys move it, with Shift they change its size; Enter searches, Escape clears.",
      ),
    );
    help.id = "revimg-crop-help";
    this.region.setAttribute("aria-describedby", help.id);
    this.classList.add("revimg-crop-live");

    this.start.addEventListener("click", () => {
      this.show([250, 250, 500, 500]);
      this.region.focus();
    });
    this.search.addEventListener("click", () => this.find());
    this.clear.addEventListener("click", () => this.hide());
    this.region.addEventListener("keydown", (event) => this.key(event));
    this.picture.addEventListener("pointerdown", (event) => this.down(event));
    this.picture.addEventListener("pointermove", (event) => this.drag?.(this.point(event)));
    this.picture.addEventListener("pointerup", () => this.up());
    this.picture.addEventListener("pointercancel", () => this.up());
    const searched = this.dataset.crop;
    this.show(searched ? searched.split(",").map(Number) : null);
  }

  // Draw this rectangle, [x, y, width, height], or none.
  show(rectangle) {
    this.rectangle = rectangle;
    const text = rectangle?.join(",");
    this.region.hidden = !rectangle;
    this.start.hidden = Boolean(rectangle);
    // The region of the current results is left by the link to the whole picture.
    this.clear.hidden = this.search.hidden = !rectangle || text === this.dataset.crop;
    this.picture.classList.toggle("revimg-crop-active", Boolean(rectangle));
    if (!rectangle) return;
    const percents = rectangle.map((value) => value / 10);
    ["left", "top", "width", "height"].forEach((edge, index) => {
      this.region.style[edge] = `${percents[index]}%`;
    });
    const [left, top, width, height] = percents.map(Math.round);
    this.region.setAttribute(
      "aria-label",
      `Region: ${width}% wide, ${height}% high, ${left}% from the left, ${top}% from the top`,
    );
  }

  hide() {
    this.show(null);
    this.start.focus();
  }

  find() {
    const crop = this.rectangle.join(",");
    const event = new CustomEvent("revimg-crop", {
      detail: crop,
      bubbles: true,
      cancelable: true,
    });
    if (!this.dispatchEvent(event)) return;
    const url = new URL(this.dataset.url, location.href);
    url.searchParams.set("_crop", crop);
    location.assign(url);
  }

  point(event) {
    const box = this.picture.getBoundingClientRect();
    return [
      clamp(Math.round(((event.clientX - box.left) / box.width) * SIDE), 0, SIDE),
      clamp(Math.round(((event.clientY - box.top) / box.height) * SIDE), 0, SIDE),
    ];
  }

  down(event) {
    // A finger scrolls the page unless there is a rectangle to move.
    const touch = event.pointerType === "touch";
    if (event.button || (touch && !this.rectangle)) return;
    event.preventDefault();
    this.picture.setPointerCapture(event.pointerId);
    const at = this.point(event);
    const box = this.picture.getBoundingClientRect();
    const near = touch ? 24 : 12;
    if (this.rectangle) {
      const [x, y, width, height] = this.rectangle;
      for (const [cx, cy] of [
        [0, 0],
        [1, 0],
        [0, 1],
        [1, 1],
      ]) {
        const dx = ((at[0] - x - cx * width) / SIDE) * box.width;
        const dy = ((at[1] - y - cy * height) / SIDE) * box.height;
        if (Math.hypot(dx, dy) <= near) {
          this.from([x + (1 - cx) * width, y + (1 - cy) * height]);
          return;
        }
      }
      const inside = [at[0] - x, at[1] - y];
      if (inside[0] >= 0 && inside[0] <= width && inside[1] >= 0 && inside[1] <= height) {
        this.drag = (to) => this.move(to[0] - inside[0], to[1] - inside[1]);
        return;
      }
    }
    this.from(at);
  }

  // Draw from this corner to the pointer.
  from(anchor) {
    this.drag = (to) => {
      const x = Math.min(anchor[0], to[0]);
      const y = Math.min(anchor[1], to[1]);
      this.show([x, y, Math.abs(to[0] - anchor[0]), Math.abs(to[1] - anchor[1])]);
    };
  }

  move(x, y) {
    const [, , width, height] = this.rectangle;
    this.show([clamp(x, 0, SIDE - width), clamp(y, 0, SIDE - height), width, height]);
  }

  up() {
    if (!this.drag) return;
    this.drag = null;
    if (!this.rectangle) return;
    // Too small for a rectangle: it was a click.
    if (this.rectangle[2] < LEAST || this.rectangle[3] < LEAST) this.show(null);
    else this.region.focus({ preventScroll: true });
  }

  key(event) {
    const arrow = ARROWS[event.key];
    const [x, y, width, height] = this.rectangle;
    if (arrow && event.shiftKey) {
      this.show([
        x,
        y,
        clamp(width + arrow[0] * STEP, LEAST, SIDE - x),
        clamp(height + arrow[1] * STEP, LEAST, SIDE - y),
      ]);
    } else if (arrow) {
      this.move(x + arrow[0] * STEP, y + arrow[1] * STEP);
    } else if (event.key === "Enter") {
      this.find();
    } else if (event.key === "Escape") {
      this.hide();
    } else {
      return;
    }
    event.preventDefault();
  }
}

customElements.define("revimg-crop", RevimgCrop);
