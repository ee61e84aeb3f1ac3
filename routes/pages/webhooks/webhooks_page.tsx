/**
 * The page of the webhooks of an account.
 *
 * @module
 */

import type { Webhook } from "../../../lib/webhooks/webhook.ts";
import { CsrfField, type Visitor } from "../document.tsx";
import { Breakable } from "../parts/breakable.tsx";
import { Age } from "../parts/format.tsx";
import { Panel } from "../parts/panel.tsx";
import { settingsPage } from "../settings/settings_page.tsx";
import { webhooksUrl, webhookUrl } from "../urls.ts";
import {
  TRIGGER_TEXTS,
  WebhookFields,
  type WebhookForm,
} from "./webhook_form.tsx";

/** Content of the page. */
export interface WebhooksPageProps {
  readonly visitor: Visitor;
  readonly csrf: string;
  readonly webhooks: readonly Webhook[];
  /** Set where only the webhooks of one repository are shown. */
  readonly repository: string | undefined;
  readonly form: WebhookForm;
  readonly problem: string | undefined;
  readonly done: string | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

/** Renders the page. */
export function webhooksPage(props: WebhooksPageProps): string {
  const { visitor, csrf, webhooks, repository, form, problem, done, now } =
    props;
  return settingsPage({
    visitor,
    current: "webhooks",
    title: repository === undefined ? "Webhooks" : `Webhooks of ${repository}`,
    problem,
    done,
    children: (
      <>
        {repository !== undefined && (
          <p>
            Those of one repository, and those of all.{" "}
            <a href={webhooksUrl()}>Show all webhooks</a>
          </p>
        )}
        {webhooks.length === 0
          ? (
            <p class="soft">
              There are none yet. A webhook is an address that is called when
              something happens in your repositories.
            </p>
          )
          : (
            <section class="panel" aria-label="Webhooks">
              <ul class="entries">
                {webhooks.map((webhook) => (
                  <Entry key={webhook.id} webhook={webhook} now={now} />
                ))}
              </ul>
            </section>
          )}
        <Panel id="new" title="New webhook">
          <form class="body form" method="post" action={webhooksUrl()}>
            <CsrfField token={csrf} />
            <WebhookFields form={form} />
            <p class="actions">
              <button type="submit" class="button primary">
                Make the webhook
              </button>
            </p>
          </form>
        </Panel>
      </>
    ),
  });
}

function Entry({ webhook, now }: { webhook: Webhook; now: number }) {
  const { url, repository, triggers, off, failures, createdAt } = webhook;
  return (
    <li>
      <div>
        <h2>
          <a href={webhookUrl(webhook.id)}>
            <Breakable text={url} />
          </a>
          {off && <span class="chip">off</span>}
        </h2>
        <p class="small soft">
          {repository === undefined ? "All repositories" : repository}
          {": "}
          {triggers.map((trigger) => TRIGGER_TEXTS[trigger]).join(", ")}
          {" · made "}
          <Age at={createdAt} now={now} />
        </p>
        {off && <p class="small">{off.reason}</p>}
        {!off && failures > 0 && (
          <p class="small">
            {failures === 1
              ? "The last delivery failed."
              : `The last ${failures} deliveries failed.`}
          </p>
        )}
      </div>
      <a
        class="button"
        href={webhookUrl(webhook.id)}
        aria-label={`Open the webhook ${url}`}
      >
        Open
      </a>
    </li>
  );
}
