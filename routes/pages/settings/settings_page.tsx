/**
 * What stands around every settings page.
 *
 * @module
 */

import type { ComponentChildren } from "preact";
import { renderPage, type Visitor } from "../document.tsx";

/** The settings pages, in order. */
const PAGES = [
  ["registry", "/settings", "Registry"],
  ["storage", "/settings/storage", "Storage and holds"],
  ["devices", "/settings/devices", "Devices and tokens"],
  ["sessions", "/settings/sessions", "Sessions"],
  ["webhooks", "/settings/webhooks", "Webhooks"],
  ["data", "/settings/data", "Your data"],
] as const;

/** A settings page. */
export type SettingsName = typeof PAGES[number][0];

/** Content of a settings page. */
export interface SettingsPageProps {
  readonly visitor: Visitor;
  readonly current: SettingsName;
  readonly title: string;
  /** What did not work; stands above everything. */
  readonly problem?: string | undefined;
  /** What was done. */
  readonly done?: string | undefined;
  readonly children: ComponentChildren;
}

/** Renders a settings page. */
export function settingsPage(props: SettingsPageProps): string {
  const { visitor, current, title, problem, done, children } = props;
  return renderPage({
    title,
    visitor,
    children: (
      <>
        <nav class="tabs settings-tabs" aria-label="Settings">
          {PAGES.map(([name, href, text]) => (
            <a
              key={name}
              href={href}
              {...(name === current ? { "aria-current": "page" as const } : {})}
            >
              {text}
            </a>
          ))}
        </nav>
        <h1>{title}</h1>
        {problem !== undefined && <p role="alert">{problem}</p>}
        {done !== undefined && <p class="notice done" role="status">{done}</p>}
        {children}
      </>
    ),
  });
}
