// The slider of the minimum similarity: the number of pictures follows while it is dragged, and
// the pictures follow when it is released. Keys move it too; Enter or the button then applies it.
// Without this script it is a plain form.

const WAIT = 150;

let timer = 0;
let request = null;
let dragged = false;

// Round a percentile down, with enough digits to tell it from 100.
function words(percentile) {
  let digits = percentile < 90 ? 0 : 1;
  while (digits < 4 && percentile >= 100 - 2 * 10 ** -digits) digits++;
  const scale = 10 ** digits;
  return `${(Math.floor(percentile * scale) / scale).toFixed(digits)} %`;
}

const slider = (event) => event.target.matches?.(".revimg-threshold [type=range]");

async function count(form, value, parts) {
  const mine = new AbortController();
  request = mine;
  const url = new URL(form.dataset.count, location.href);
  url.searchParams.set("_size", 1);
  url.searchParams.set("_min", value);
  try {
    const answer = await (await fetch(url, { signal: mine.signal })).json();
    if (!answer.ok || mine !== request) return;
    const number = answer.filtered_table_rows_count;
    const more = answer.count_truncated ? "more than " : "";
    parts.at(-1).textContent =
      `${more}${number.toLocaleString("en")} picture${number === 1 ? "" : "s"}`;
    if (parts.length > 2) {
      const { percentile, tier } = answer.minimum;
      const tiered = parts[1].classList.contains("revimg-tier");
      parts[1].textContent = tiered ? (tier ?? "") : words(percentile);
    }
  } catch {
    // Superseded by a later request, or failed: the button still works.
  }
}

document.addEventListener("input", (event) => {
  if (!slider(event)) return;
  const { form, value } = event.target;
  const parts = [...form.querySelectorAll(".revimg-output span")];
  parts[0].textContent = `≥ ${Number(value).toFixed(3)}`;
  request?.abort();
  clearTimeout(timer);
  if (form.dataset.count) timer = setTimeout(count, WAIT, form, value, parts);
});

document.addEventListener("pointerdown", (event) => {
  dragged = slider(event);
});
document.addEventListener("keydown", () => {
  dragged = false;
});
document.addEventListener("change", (event) => {
  if (slider(event) && dragged) event.target.form.requestSubmit();
});
