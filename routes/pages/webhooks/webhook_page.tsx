/**
 * The page of one webhook: its settings, a test, and what was delivered.
 *
 * @module
 */

import type { Attempt, Delivery } from "../../../lib/webhooks/delivery.ts";
import type { Webhook } from "../../../lib/webhooks/webhook.ts";
import type { DeliveryPage } from "../../../lib/webhooks/webhooks.ts";
import { CsrfField, type Visitor } from "../document.tsx";
import { Age, countText } from "../parts/format.tsx";
import { Panel } from "../parts/panel.tsx";
import { settingsPage } from "../settings/settings_page.tsx";
import { webhooksUrl, webhookUrl } from "../urls.ts";
import { WebhookFields, type WebhookForm } from "./webhook_form.tsx";

/** Content of the page. */
export interface WebhookPageProps {
  readonly visitor: Visitor;
  readonly csrf: string;
  readonly webhook: Webhook;
  readonly form: WebhookForm;
  readonly page: DeliveryPage;
  readonly problem: string | undefined;
  readonly done: string | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

/** Renders the page. */
export function webhookPage(props: WebhookPageProps): string {
  const { visitor, webhook, problem, done } = props;
  const { url, off } = webhook;
  return settingsPage({
    visitor,
    current: "webhooks",
    title: "Webhook",
    problem,
    done,
    children: (
      <>
        <p>
          <code>{url}</code>
          <br />
          <a class="small" href={webhooksUrl()}>All webhooks</a>
        </p>
        {off && (
          <p class="notice">
            This webhook is off: {off.reason}
          </p>
        )}
        <Actions {...props} />
        <Deliveries {...props} />
        <Change {...props} />
        <Deletion {...props} />
      </>
    ),
  });
}

function Actions({ webhook, csrf }: WebhookPageProps) {
  const { id, off } = webhook;
  return (
    <form method="post" action={webhookUrl(id)} class="row">
      <CsrfField token={csrf} />
      <button type="submit" class="button" name="do" value="test">
        Send a test
      </button>
      <button
        type="submit"
        class="button"
        name="do"
        value={off ? "on" : "off"}
      >
        {off ? "Switch it on" : "Switch it off"}
      </button>
    </form>
  );
}

function Change({ webhook, form, csrf }: WebhookPageProps) {
  const { id, url, hasSecret } = webhook;
  return (
    <Panel id="edit" title="Change it">
      <form class="body form" method="post" action={webhookUrl(id)}>
        <CsrfField token={csrf} />
        <WebhookFields form={form} shown={url} hasSecret={hasSecret} />
        <p class="actions">
          <button type="submit" class="button primary" name="do" value="change">
            Save
          </button>
        </p>
      </form>
    </Panel>
  );
}

function Deletion({ webhook, csrf }: WebhookPageProps) {
  return (
    <Panel id="delete" title="Delete it">
      <form class="body" method="post" action={webhookUrl(webhook.id)}>
        <CsrfField token={csrf} />
        <p>The log of its deliveries goes with it.</p>
        <button type="submit" class="button danger" name="do" value="delete">
          Delete the webhook
        </button>
      </form>
    </Panel>
  );
}

function Deliveries({ webhook, page, csrf, now }: WebhookPageProps) {
  const { deliveries, cursor } = page;
  const action = webhookUrl(webhook.id);
  return (
    <Panel id="log" title="Deliveries" note="kept for 30 days">
      {deliveries.length === 0
        ? (
          <div class="body">
            <p class="soft">
              Nothing was sent yet. A test sends an invented push.
            </p>
          </div>
        )
        : deliveries.map((delivery) => (
          <details class="folded" key={delivery.id}>
            <summary>
              <span class={`state ${SIGNS[delivery.state]}`}>
                {delivery.test ? "test" : delivery.trigger}:{" "}
                {STATES[delivery.state]}
              </span>
              <span class="soft">
                <Age at={delivery.at} now={now} />
              </span>
            </summary>
            <div class="body">
              <Attempts delivery={delivery} now={now} />
              <h3>What was sent</h3>
              <pre
                tabIndex={0}
                aria-label="Body"
              ><code>{readable(delivery.body)}</code></pre>
              <form method="post" action={action}>
                <CsrfField token={csrf} />
                <input type="hidden" name="do" value="again" />
                <button
                  type="submit"
                  class="button"
                  name="delivery"
                  value={delivery.id}
                >
                  Send it again
                </button>
              </form>
            </div>
          </details>
        ))}
      {cursor !== undefined && (
        <p class="body">
          <a href={webhookUrl(webhook.id, { cursor })}>Older deliveries</a>
        </p>
      )}
    </Panel>
  );
}

const STATES: Readonly<Record<Delivery["state"], string>> = {
  waiting: "waits to be sent",
  delivered: "delivered",
  failed: "failed",
  dropped: "not sent, the webhook was off",
};

const SIGNS: Readonly<Record<Delivery["state"], string>> = {
  waiting: "unknown",
  delivered: "good",
  failed: "bad",
  dropped: "unknown",
};

function Attempts({ delivery, now }: { delivery: Delivery; now: number }) {
  if (delivery.attempts.length === 0) return null;
  return (
    <>
      <h3>Attempts</h3>
      <ol class="attempts">
        {delivery.attempts.map((attempt) => (
          <li key={attempt.at}>
            <Age at={attempt.at} now={now} />, {countText(attempt.ms)} ms:{" "}
            {resultOf(attempt)}
            {attempt.response !== undefined && attempt.response !== "" && (
              <pre
                tabIndex={0}
                aria-label="Response"
              ><code>{attempt.response}</code></pre>
            )}
          </li>
        ))}
      </ol>
    </>
  );
}

function resultOf({ status, error }: Attempt): string {
  if (error !== undefined) return error;
  return status === undefined ? "no answer" : `status ${status}`;
}

/** The JSON of a body on several lines; it was sent on one. */
function readable(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body; // It is cut.
  }
}
