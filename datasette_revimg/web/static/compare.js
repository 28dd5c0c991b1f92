// The page that compares two pictures: a line to wipe from one to the other, heat maps, and keys.
// Without this script the page shows everything side by side.

const page = document.querySelector(".revimg-compare");
const pair = page.querySelector(".revimg-pair");
const wipe = page.querySelector(".revimg-wipe");
const modes = [...page.querySelectorAll(".revimg-modes button")];
const steps = [...page.querySelectorAll("a[rel=prev], a[rel=next]")];
const status = page.querySelector(".revimg-status");

// Call back when a picture fails to load, or has failed before this ran.
function onFailure(image, act) {
  image.addEventListener("error", act);
  if (image.src && image.complete && !image.naturalWidth) act();
}

// Without its original, a picture is shown as its thumbnail.
for (const image of page.querySelectorAll(".revimg-picture")) {
  onFailure(image, () => {
    if (image.src.endsWith(image.dataset.thumbnail)) return;
    image.src = image.dataset.thumbnail;
    status.textContent =
      "Only the thumbnail is shown, because the picture itself can no longer be opened.";
  });
}

// Swipe or side by side -------------------------------------------------------------------

function show(mode) {
  const swipe = mode === "swipe";
  pair.classList.toggle("revimg-swipe", swipe);
  wipe.hidden = !swipe;
  for (const button of modes) button.setAttribute("aria-pressed", button.dataset.mode === mode);
  // The hash never reaches the server; it opens the next pair in the same mode.
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
    // The arrow keys move the line now.
    if (!wipe.hidden) wipe.focus();
  });
}
// Browsers restore the old value when somebody comes back.
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
  // In the slider and in Datasette's own fields, arrows have their own meaning.
  if (event.key !== "Escape" && event.target.closest("input, textarea, select")) return;
  page.querySelector(wanted)?.click();
});
