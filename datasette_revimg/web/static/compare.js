// The page that compares two pictures: a line to wipe from one to the other, why they are
// similar, and the keys. Without any of this, all is there, side by side.

const page = document.querySelector(".revimg-compare");
const pair = page.querySelector(".revimg-pair");
const wipe = page.querySelector(".revimg-wipe");
const modes = [...page.querySelectorAll(".revimg-modes button")];
const steps = [...page.querySelectorAll("a[rel=prev], a[rel=next]")];
const status = page.querySelector(".revimg-status");

// Calls back when a picture has failed, or has done so before this ran.
function onFailure(image, act) {
  image.addEventListener("error", act);
  if (image.src && image.complete && !image.naturalWidth) act();
}

// The original is gone: its thumbnail isn't.
for (const image of page.querySelectorAll(".revimg-picture")) {
  onFailure(image, () => {
    if (image.src.endsWith(image.dataset.thumbnail)) return;
    image.src = image.dataset.thumbnail;
    status.textContent = "Shown small, because the picture itself can’t be opened any more.";
  });
}

// Swipe or side by side -------------------------------------------------------------------

function show(mode) {
  const swipe = mode === "swipe";
  pair.classList.toggle("revimg-swipe", swipe);
  wipe.hidden = !swipe;
  for (const button of modes) button.setAttribute("aria-pressed", button.dataset.mode === mode);
  // In the part of addresses that the server never sees, so that the next pair opens alike.
  for (const step of steps) step.hash = mode;
  history.replaceState(null, "", mode ? `#${mode}` : location.pathname + location.search);
}

function move() {
  pair.style.setProperty("--wipe", `${wipe.value}%`);
}

function drag(event) {
  const box = event.target.closest(".revimg-swipe .revimg-box");
  if (!box || !event.isPrimary || (event.type === "pointermove" && !event.buttons)) return;
  const { left, width } = box.getBoundingClientRect();
  wipe.value = (100 * (event.clientX - left)) / width;
  move();
}

pair.addEventListener("pointerdown", (event) => {
  if (event.target.closest(".revimg-swipe .revimg-box"))
    event.target.setPointerCapture(event.pointerId);
  drag(event);
});
pair.addEventListener("pointermove", drag);
pair.addEventListener("dragstart", (event) => {
  if (pair.classList.contains("revimg-swipe")) event.preventDefault();
});
wipe.addEventListener("input", move);
for (const button of modes) {
  button.addEventListener("click", () => {
    show(button.dataset.mode);
    // Its arrow keys are the line's, then.
    if (!wipe.hidden) wipe.focus();
  });
}
// What a browser keeps in a form when one comes back.
wipe.value = 50;
show(location.hash === "#swipe" ? "swipe" : "");
for (const part of page.querySelectorAll(".revimg-modes, .revimg-keys")) part.hidden = false;

// Why ---------------------------------------------------------------------------------------

const why = page.querySelector(".revimg-why");

if (why) {
  const heats = [...page.querySelectorAll(".revimg-heat")];
  const legend = page.querySelector(".revimg-legend");

  const reason = async () => {
    const response = await fetch(why.dataset.json);
    const body = await response.json();
    status.textContent = body.error ? `${body.error}.` : "";
  };

  for (const heat of heats) {
    onFailure(heat, () => {
      heat.hidden = true;
      heat.removeAttribute("src");
      reason().catch(() => (status.textContent = "The server can’t be reached."));
    });
  }

  why.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const shown = !new URL(location).searchParams.has("_why");
    for (const heat of heats) {
      if (shown && !heat.src) heat.src = heat.dataset.src;
      heat.hidden = !shown;
    }
    legend.hidden = !shown;
    why.textContent = shown ? "Hide why" : "Show why";
    why.href = shown ? why.dataset.hide : why.dataset.show;
    history.replaceState(null, "", (shown ? why.dataset.show : why.dataset.hide) + location.hash);
    for (const step of steps) {
      const address = new URL(step.href);
      if (shown) address.searchParams.set("_why", "1");
      else address.searchParams.delete("_why");
      step.href = address;
    }
  });
}

// Keys --------------------------------------------------------------------------------------

const KEYS = { ArrowLeft: "a[rel=prev]", ArrowRight: "a[rel=next]", Escape: "a[rel=up]" };

document.addEventListener("keydown", (event) => {
  const wanted = KEYS[event.key];
  if (!wanted || event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
  // Where arrows have a meaning of their own: the line, and Datasette's own fields.
  if (event.key !== "Escape" && event.target.closest("input, textarea, select")) return;
  page.querySelector(wanted)?.click();
});
