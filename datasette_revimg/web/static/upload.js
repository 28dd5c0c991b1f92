// Search by image without leaving the page: choose, drop or paste a picture, and the results
// replace the page's content. The picture is kept, to search again with other filters or with a
// region of it. Without this script it is a plain form.

const HEADING = ".revimg h1";

// The pages that Back and Forward go to, by the state of the history entry.
const pages = new Map();

let file = null;
let request = null;
let preview = null;

const root = () => document.querySelector(".revimg");
const form = () => document.querySelector(".revimg-drop");

const announcer = document.createElement("p");
announcer.className = "revimg-hidden";
announcer.setAttribute("role", "status");
document.body.append(announcer);
document.documentElement.classList.add("revimg-js");

const key = () => `revimg-${performance.timeOrigin}-${pages.size}`;

function remember(state) {
  pages.set(state, { node: root(), title: document.title, file });
}

function show({ node, title }) {
  root().replaceWith(node);
  document.title = title;
  document.querySelector(HEADING).tabIndex = -1;
  document.querySelector(HEADING).focus({ preventScroll: true });
}

function tell(state, wrong = "") {
  form().querySelector(".revimg-state").textContent = state;
  form().querySelector(".revimg-wrong").textContent = wrong;
  root().ariaBusy = String(Boolean(state));
  if (wrong) forget();
}

// The preview is shown while the picture is sent; afterwards the page itself shows it.
function forget() {
  if (!preview) return;
  URL.revokeObjectURL(preview.src);
  preview.remove();
  preview = null;
}

function announce(picture) {
  forget();
  preview = new Image();
  preview.className = "revimg-preview";
  preview.alt = "";
  // The server may read a format that the browser can't show.
  preview.onerror = forget;
  preview.src = URL.createObjectURL(picture);
  form().prepend(preview);
  tell("Searching…");
}

async function search(picture, url) {
  const limit = form().dataset;
  request?.abort();
  if (picture.size > Number(limit.maxBytes)) {
    tell("", `The file is larger than ${limit.maxSize}, which is the limit here`);
    return;
  }
  const mine = new AbortController();
  request = mine;
  announce(picture);
  const body = new FormData();
  body.append(form().querySelector("input").name, picture, picture.name);
  try {
    const response = await fetch(url, { method: "POST", body, signal: mine.signal });
    const answer = new DOMParser().parseFromString(await response.text(), "text/html");
    if (mine !== request) return;
    const found = answer.querySelector(".revimg");
    if (!response.ok || !found) {
      const heading = answer.querySelector(HEADING)?.textContent;
      tell("", heading || `The server answered with the status ${response.status}`);
      return;
    }
    forget();
    tell("");
    form().reset();
    file = picture;
    show({ node: document.adoptNode(found), title: answer.title });
    const state = key();
    const address = new URL(url, location.href);
    address.searchParams.delete("_crop");
    history.pushState(state, "", address);
    remember(state);
    scrollTo(0, 0);
    const count = document.querySelectorAll(".revimg-results li").length;
    announcer.textContent = `${count} similar pictures`;
  } catch (error) {
    if (error.name === "AbortError") return;
    tell("", "The picture couldn’t be sent. Is the server running, and the file still there?");
  }
}

function take(files) {
  if (files.length === 1) search(files[0], form().action);
  else if (files.length > 1) tell("", "One picture at a time, please");
  else tell("", "That isn’t a picture file");
}

document.addEventListener("change", (event) => {
  if (event.target.closest(".revimg-drop") && event.target.files?.length) {
    take(event.target.files);
  }
});

document.addEventListener("submit", (event) => {
  if (event.target === form()) {
    event.preventDefault();
    take(form().querySelector("input").files);
  } else if (file && event.target.matches(".revimg form")) {
    event.preventDefault();
    const url = new URL(event.target.action);
    url.search = new URLSearchParams(new FormData(event.target));
    search(file, url);
  }
});

document.addEventListener("paste", (event) => {
  if (event.target.closest?.("input, textarea, [contenteditable]")) return;
  const files = event.clipboardData.files;
  // Pasted text is left to other scripts.
  if (!files.length) return;
  event.preventDefault();
  take(files);
});

const dragged = (on) => document.documentElement.classList.toggle("revimg-dragged", on);

document.addEventListener("dragover", (event) => {
  event.preventDefault();
  dragged(true);
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) dragged(false);
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  dragged(false);
  take(event.dataTransfer.files);
});

// Links to this page with other filters or more results: send the picture again.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  const plain = !(event.button || event.ctrlKey || event.metaKey || event.shiftKey);
  if (!file || !plain || !link || !root().contains(link)) return;
  if (link.origin !== location.origin || link.pathname !== location.pathname) return;
  event.preventDefault();
  search(file, link.href);
});

document.addEventListener("revimg-crop", (event) => {
  event.preventDefault();
  if (!file) {
    tell("", "Choose the picture again, to search with a region of it");
    return;
  }
  const url = new URL(event.target.dataset.url, location.href);
  url.searchParams.set("_crop", event.detail);
  search(file, url);
});

addEventListener("popstate", (event) => {
  // A jump within this page.
  if (!event.state) return;
  const page = pages.get(event.state);
  if (!page) {
    // From an earlier visit: its picture is gone.
    location.reload();
    return;
  }
  request?.abort();
  tell("");
  forget();
  file = page.file;
  show(page);
});

history.replaceState(key(), "");
remember(history.state);
