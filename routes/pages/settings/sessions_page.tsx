/**
 * The page of signed-in browsers.
 *
 * @module
 */

import type { WebSession } from "../../../lib/auth/web_sessions.ts";
import { CsrfField, type Visitor } from "../document.tsx";
import { Age } from "../parts/format.tsx";
import { Panel } from "../parts/panel.tsx";
import { browserName } from "./browser_name.ts";
import { settingsPage } from "./settings_page.tsx";

/** Content of the page of sessions. */
export interface SessionsPageProps {
  visitor: Visitor;
  csrf: string;
  sessions: readonly WebSession[];
  /** Id of the current session. */
  current: string;
  /** Milliseconds since the Unix epoch. */
  now: number;
}

/** The page of signed-in browsers. */
export function sessionsPage(props: SessionsPageProps): string {
  const { visitor, csrf, sessions } = props;
  return settingsPage({
    visitor,
    current: "sessions",
    title: "Signed-in browsers",
    children: (
      <>
        <section class="panel" aria-label="Browsers">
          <ul class="entries">
            {sessions.map((session) => (
              <SessionEntry key={session.id} session={session} {...props} />
            ))}
          </ul>
        </section>
        {sessions.length > 1 && (
          <form
            class="above"
            method="post"
            action="/settings/sessions/end-others"
          >
            <CsrfField token={csrf} />
            <button type="submit" class="button">
              Sign out all other browsers
            </button>
          </form>
        )}
        <Panel id="logins" title="Logins with an app password">
          <form
            class="body"
            method="post"
            action="/settings/sessions/end-logins"
          >
            <p>
              Ends all logins that container clients have made with an app
              password. To keep them out, revoke the app password at your PDS as
              well.
            </p>
            <CsrfField token={csrf} />
            <button type="submit" class="button">End these logins</button>
          </form>
        </Panel>
      </>
    ),
  });
}

function SessionEntry(
  { session, csrf, current, now }: SessionsPageProps & { session: WebSession },
) {
  const name = browserName(session.agent);
  const isCurrent = session.id === current;
  return (
    <li>
      <div>
        <h2>
          {name} {isCurrent && <span class="chip">this browser</span>}
        </h2>
        <p class="small soft">
          From {session.address}, signed in{" "}
          <Age at={session.createdAt} now={now} />, last used{" "}
          <Age at={session.lastUsedAt} now={now} />
        </p>
      </div>
      <form method="post" action="/settings/sessions/end">
        <CsrfField token={csrf} />
        <button
          type="submit"
          class="button"
          name="id"
          value={session.id}
          aria-label={isCurrent
            ? "Sign this browser out"
            : `Sign ${name} from ${session.address} out`}
        >
          Sign out
        </button>
      </form>
    </li>
  );
}
