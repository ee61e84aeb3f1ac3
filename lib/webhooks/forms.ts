/**
 * Bodies for each kind of receiver: JSON, or messages for Discord and Slack.
 *
 * @module
 */

import type { WebhookEvent } from "./event.ts";
import { payloadOf, repositoryUrl, type Surroundings } from "./payload.ts";
import type { Form, Trigger } from "./webhook.ts";

/** A message for users. */
interface Message {
  readonly title: string;
  readonly url: string;
  readonly color: number;
  readonly fields: readonly (readonly [name: string, value: string])[];
}

const GREEN = 0x2da44e;
const RED = 0xcf222e;
const AMBER = 0xbf8700;

/** Maximum tags named in a message; the rest is counted. */
const SHOWN_TAGS = 5;

/** The body for `event` as text, for a receiver of the kind `form`. */
export function bodyFor(
  form: Form,
  event: WebhookEvent,
  trigger: Trigger,
  about: Surroundings,
): string {
  if (form === "json") return JSON.stringify(payloadOf(event, trigger, about));
  const message = messageOf(event, about);
  const at = new Date(event.at).toISOString();
  return JSON.stringify(
    form === "discord" ? discord(message, at) : slack(message),
  );
}

function messageOf(event: WebhookEvent, about: Surroundings): Message {
  const name = `${about.owner}/${event.repo}`;
  const url = repositoryUrl(event, about);
  const digest = ["Digest", event.digest] as const;
  const hold = ["Hold", event.holdDid] as const;
  switch (event.kind) {
    case "push": {
      const tags = event.tags.map(({ tag }) => tag);
      const [first] = tags;
      const title = `Pushed ${name}${first === undefined ? "" : `:${first}`}`;
      const all = tags.length > 1 ? [["Tags", listed(tags)] as const] : [];
      return { title, url, color: GREEN, fields: [...all, digest, hold] };
    }
    case "delete": {
      const what = event.tag === undefined
        ? `a manifest of ${name}`
        : `${name}:${event.tag}`;
      const title = `Deleted ${what}`;
      return { title, url, color: RED, fields: [digest, hold] };
    }
    case "scan": {
      const found = Object.entries(event.vulnerabilities)
        .map(([severity, count]) => `${severity} ${count}`).join(", ");
      const title = `Scanned ${name}`;
      const fields = [["Vulnerabilities", found] as const, digest, hold];
      return { title, url, color: AMBER, fields };
    }
  }
}

function listed(tags: readonly string[]): string {
  const more = tags.length - SHOWN_TAGS;
  const shown = tags.slice(0, SHOWN_TAGS).join(", ");
  return more > 0 ? `${shown} and ${more} more` : shown;
}

/** For Discord's "Execute Webhook"; names never cause mentions. */
function discord({ title, url, color, fields }: Message, timestamp: string) {
  return {
    embeds: [{
      // Discord refuses longer titles and values.
      title: title.slice(0, 256),
      url,
      color,
      timestamp,
      fields: fields.map(([name, value]) => ({
        name,
        value: value.slice(0, 1024),
      })),
    }],
    allowed_mentions: { parse: [] },
  };
}

/** For Slack's incoming webhooks. */
function slack({ title, url, color, fields }: Message) {
  const text = `<${escaped(url)}|${escaped(title)}>`;
  return {
    text,
    attachments: [{
      color: `#${color.toString(16).padStart(6, "0")}`,
      fallback: escaped(title),
      fields: fields.map(([name, value]) => ({
        title: name,
        value: escaped(value),
        short: false,
      })),
    }],
  };
}

/** Escapes the three special characters of Slack's texts. */
function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}
