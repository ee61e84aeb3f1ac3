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
      <p class="field">
        <label for="url">{isNew ? "Address" : "New address"}</label>
        <input
          id="url"
          name="url"
          type="url"
          class="whole-line"
          value={form.url}
          maxLength={2048}
          placeholder={shown ?? "https://example.com/hook"}
          aria-describedby="url-hint"
          autocomplete="off"
          required={isNew}
        />
        <small id="url-hint">
          Addresses of Discord and Slack get messages of their own form.
          {!isNew && " Leave it empty to keep the address."}
        </small>
      </p>
      <p class="field">
        <label for="secret">{isNew ? "Secret" : "New secret"}</label>
        <input
          id="secret"
          name="secret"
          type="password"
          maxLength={256}
          aria-describedby="secret-hint"
          autocomplete="new-password"
        />
        <small id="secret-hint">
          {isNew
            ? "With one, bodies are signed (X-Webhook-Signature-256). It is not shown again."
            : hasSecret
            ? "Bodies are signed. Leave it empty to keep the secret."
            : "Bodies are not signed. Leave it empty to keep it so."}
        </small>
      </p>
      <p class="field">
        <label for="repository">Repository</label>
        <input
          id="repository"
          name="repository"
          value={form.repository}
          maxLength={256}
          placeholder="all"
          aria-describedby="repository-hint"
          autocapitalize="none"
          spellcheck={false}
        />
        <small id="repository-hint">
          Only this one of yours, for example team/app; empty for all.
        </small>
      </p>
      <fieldset class="checks">
        <legend>Called when</legend>
        {TRIGGERS.map((trigger) => (
          <label key={trigger}>
            <input
              type="checkbox"
              name="trigger"
              value={trigger}
              checked={form.triggers.includes(trigger)}
            />
            <span>{TRIGGER_TEXTS[trigger]}</span>
          </label>
        ))}
        <label>
          <input
            type="checkbox"
            name="untagged"
            value="yes"
            checked={form.untagged}
          />
          <span>
            also for pushes without a tag, such as the parts of an image for
            several platforms
          </span>
        </label>
      </fieldset>
    </>
  );
}
