// The query and its filters stay in sight while the results scroll, as far as there is room. CSS
// alone doesn't know how high they are.

class Sidebar extends HTMLElement {
  #watcher = new ResizeObserver(() => {
    this.style.setProperty("--revimg-height", `${this.offsetHeight}px`);
  });

  connectedCallback() {
    this.#watcher.observe(this);
  }

  disconnectedCallback() {
    this.#watcher.disconnect();
  }
}

customElements.define("revimg-sidebar", Sidebar);
