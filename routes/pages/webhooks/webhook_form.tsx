/**
 * The form of a webhook: what was typed, its fields, and what it asks for.
 *
 * @module
 */

import {
  type Trigger,
  TRIGGERS,
  type Webhook,
  type WebhookChoice,
} from "../../../lib/webhooks/webhook.ts";
import { CheckItem, NameField, TextField } from "../parts/fields.tsx";

/** What stands in the form. */
export interface WebhookForm {
  readonly url: string;
  readonly repository: string;
  readonly triggers: readonly Trigger[];
  readonly untagged: boolean;
}

/** What each trigger means. */
export const TRIGGER_TEXTS: Readonly<Record<Trigger, string>> = {
  push: "an image is pushed",
  delete: "a tag or an image is deleted",
  "scan:first": "an image is scanned for the first time",
  "scan:all": "an image is scanned",
  "scan:changed": "a scan finds something else than before",
};

/** The form for a new webhook. */
export function newWebhookForm(repository: string): WebhookForm {
  return { url: "", repository, triggers: ["push"], untagged: false };
}

/** The form of a webhook that exists; its address is not shown whole, and is typed again only to change it. */
export function formOfWebhook(webhook: Webhook): WebhookForm {
  const { repository = "", triggers, untagged } = webhook;
  return { url: "", repository, triggers, untagged };
}

/** What was typed. */
export function typedWebhook(form: URLSearchParams): WebhookForm {
  const chosen = form.getAll("trigger");
  return {
    url: (form.get("url") ?? "").trim(),
    repository: (form.get("repository") ?? "").trim(),
    triggers: TRIGGERS.filter((trigger) => chosen.includes(trigger)),
    untagged: form.get("untagged") === "yes",
  };
}

/** What a form asks for. */
export function choiceOf(
  { repository, triggers, untagged }: WebhookForm,
): WebhookChoice {
  const name = repository === "" ? undefined : repository;
  return { repository: name, triggers, untagged };
}

/** The fields; `shown` is the address of a webhook that exists. */
export function WebhookFields(
  { form, shown, hasSecret = false }: {
    form: WebhookForm;
    shown?: string;
    hasSecret?: boolean;
  },
) {
  const isNew = shown === undefined;
  return (
    <>
      <TextField
        name="url"
        label={isNew ? "Address" : "New address"}
        type="url"
        class="whole-line"
        value={form.url}
        maxLength={2048}
        placeholder={shown ?? "https://example.com/hook"}
        hint={`Addresses of Discord and Slack get messages of their own form.${
          isNew ? "" : " Leave it empty to keep the address."
        }`}
        autocomplete="off"
        required={isNew}
      />
      <TextField
        name="secret"
        label={isNew ? "Secret" : "New secret"}
        type="password"
        maxLength={256}
        hint={isNew
          ? "With one, bodies are signed (X-Webhook-Signature-256). It is not shown again."
          : hasSecret
          ? "Bodies are signed. Leave it empty to keep the secret."
          : "Bodies are not signed. Leave it empty to keep it so."}
        autocomplete="new-password"
      />
      <NameField
        name="repository"
        label="Repository"
        value={form.repository}
        maxLength={256}
        placeholder="all"
        hint="Only this one of yours, for example team/app; empty for all."
      />
      <Triggers form={form} />
    </>
  );
}

function Triggers({ form }: { form: WebhookForm }) {
  return (
    <fieldset class="checks">
      <legend>Called when</legend>
      {TRIGGERS.map((trigger) => (
        <CheckItem
          key={trigger}
          name="trigger"
          value={trigger}
          checked={form.triggers.includes(trigger)}
        >
          {TRIGGER_TEXTS[trigger]}
        </CheckItem>
      ))}
      <CheckItem name="untagged" checked={form.untagged}>
        also for pushes without a tag, such as the parts of an image for several
        platforms
      </CheckItem>
    </fieldset>
  );
}
