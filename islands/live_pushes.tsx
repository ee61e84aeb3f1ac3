/**
 * Pushes that happen while one looks at the page, as events of the server. The
 * connection ends while the page is hidden.
 *
 * @module
 */
/// <reference lib="dom" />

import { useEffect, useState } from "preact/hooks";

/** A push as the server sends it. */
export interface LivePush {
  /** The same for the same push. */
  readonly id: string;
  readonly owner: string;
  readonly repo: string;
  readonly tag: string;
  /** Where it leads. */
  readonly href: string;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly picture: string | undefined;
}

/** Address of the events. */
export const LIVE_PATH = "/activity/events";

/** Pushes that stay on the page. */
const MAX_SHOWN = 20;

/** The list; empty until something is pushed. */
export function LivePushes() {
  const [pushes, setPushes] = useState<readonly LivePush[]>([]);
  useEffect(() => {
    let events: EventSource | undefined;
    const follow = () => {
      events?.close();
      events = document.hidden ? undefined : new EventSource(LIVE_PATH);
      events?.addEventListener("push", (event) => {
        const push = readPush(event.data);
        if (!push) return;
        setPushes((before) =>
          [push, ...before.filter(({ id }) => id !== push.id)]
            .slice(0, MAX_SHOWN)
        );
      });
    };
    follow();
    document.addEventListener("visibilitychange", follow);
    return () => {
      document.removeEventListener("visibilitychange", follow);
      events?.close();
    };
  }, []);
  return (
    <section
      class="panel live"
      aria-label="New pushes"
      hidden={pushes.length === 0}
    >
      <ul class="plain feed" aria-live="polite">
        {pushes.map(({ id, owner, repo, tag, href, at, picture }) => (
          <li key={id} data-row>
            {picture && (
              <img
                class="picture"
                src={picture}
                alt=""
                width="28"
                height="28"
              />
            )}
            <div class="what">
              <a class="name" href={href}>
                {owner}/<b>{repo}</b>:{tag}
              </a>
            </div>
            <span class="small soft nowrap">
              <time dateTime={new Date(at).toISOString()}>now</time>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What the server sent, as far as it is one. */
function readPush(text: unknown): LivePush | undefined {
  try {
    const push = JSON.parse(String(text));
    return typeof push.id === "string" ? push : undefined;
  } catch {
    return undefined;
  }
}
