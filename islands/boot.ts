/**
 * Runs in the browser: makes each `<f-island>` of a page live. The code of an
 * island is loaded only where a page has one.
 *
 * @module
 */
/// <reference lib="dom" />

import { type ComponentType, h, hydrate } from "preact";

/** The component of each island, by its name on pages. */
const ISLANDS: Readonly<Record<string, () => Promise<unknown>>> = {
  copy_button: async () => (await import("./copy_button.tsx")).CopyButton,
  live_pushes: async () => (await import("./live_pushes.tsx")).LivePushes,
  pull_box: async () => (await import("./pull_box.tsx")).PullBox,
  search_box: async () => (await import("./search_box.tsx")).SearchBox,
  shortcuts: async () => (await import("./shortcuts.tsx")).Shortcuts,
  star_button: async () => (await import("./star_button.tsx")).StarButton,
  tag_filter: async () => (await import("./tag_filter.tsx")).TagFilter,
  theme_switch: async () => (await import("./theme_switch.tsx")).ThemeSwitch,
};

class IslandElement extends HTMLElement {
  connectedCallback(): void {
    void this.#start();
  }

  async #start(): Promise<void> {
    const { name = "", props = "{}" } = this.dataset;
    const component = await ISLANDS[name]?.();
    if (!component) return;
    hydrate(h(component as ComponentType<object>, JSON.parse(props)), this);
    this.dataset.hydrated = "";
  }
}

customElements.define("f-island", IslandElement);
