/**
 * Runs in the browser: makes each `<f-island>` of a page live. What nearly all
 * pages have comes with this module, because many small modules weigh more than
 * one; the code of other islands is loaded only where a page has one.
 *
 * @module
 */
/// <reference lib="dom" />

import { type ComponentType, h, hydrate } from "preact";
import { CopyButton } from "./copy_button.tsx";
import { PullBox } from "./pull_box.tsx";
import { SearchBox } from "./search_box.tsx";
import { Shortcuts } from "./shortcuts.tsx";
import { ThemeSwitch } from "./theme_switch.tsx";

/** The component of each island, by its name on pages. */
const ISLANDS: Readonly<Record<string, () => unknown>> = {
  copy_button: () => CopyButton,
  live_pushes: async () => (await import("./live_pushes.tsx")).LivePushes,
  pull_box: () => PullBox,
  search_box: () => SearchBox,
  shortcuts: () => Shortcuts,
  star_button: async () => (await import("./star_button.tsx")).StarButton,
  tag_filter: async () => (await import("./tag_filter.tsx")).TagFilter,
  theme_switch: () => ThemeSwitch,
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
