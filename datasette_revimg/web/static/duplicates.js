// Keys to go through the groups of duplicates. Without this script there are buttons and links.

const copies = [...document.querySelectorAll(".revimg-group li")];
const hint = document.querySelector(".revimg-keys");

for (const copy of copies) copy.tabIndex = -1;
if (hint) hint.hidden = false;

// After a decision, the page opens at the next group.
document.getElementById(location.hash.slice(1))?.querySelector("li")?.focus();

function step(by) {
  const here = copies.indexOf(document.activeElement?.closest(".revimg-group li"));
  const next = here < 0 ? 0 : Math.min(copies.length - 1, Math.max(0, here + by));
  copies[next]?.focus();
}

function press(selector) {
  const copy = document.activeElement?.closest(".revimg-group li");
  copy?.querySelector(selector)?.click();
}

const actions = {
  j: () => step(1),
  k: () => step(-1),
  Enter: () => press("button[name=keep]"),
  x: () => press("button[name=different]"),
  " ": () => press(".revimg-decide a"),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target;
  // In a field, and on a link or a button, keys mean what they always do, except the letters.
  if (target.closest("input, textarea, select")) return;
  if (event.key.length > 1 || event.key === " ") {
    if (target.closest("a, button") || !target.closest(".revimg-group li")) return;
  }
  const act = actions[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
