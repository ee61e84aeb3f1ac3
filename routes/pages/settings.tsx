/** The settings pages: devices, access tokens and sessions. */

import type { Device } from "../../lib/auth/devices/devices.ts";
import type { WebSession } from "../../lib/auth/web_sessions.ts";
import { LifetimeField, Moment, PermissionList } from "./device.tsx";
import { CsrfField, renderPage, type Visitor } from "./document.tsx";

/** Content of the page of devices and tokens. */
export interface DevicesPageProps {
  visitor: Visitor;
  csrf: string;
  devices: readonly Device[];
  /** Host for `docker login`. */
  registry: string;
  /** A token that was just created; shown only once. */
  made: { device: Device; secret: string } | undefined;
  problem: string | undefined;
  /** Whether the registry can still write to the account's PDS. */
  connected: boolean;
}

/** The page of devices and access tokens. */
export function devicesPage(props: DevicesPageProps): string {
  const { visitor, csrf, devices, made, problem, connected } = props;
  return renderPage({
    title: "Devices and tokens",
    visitor,
    children: (
      <>
        <h1>Devices and access tokens</h1>
        {!connected && <Reconnect />}
        {problem !== undefined && <p role="alert">{problem}</p>}
        {made && (
          <MadeToken {...made} {...props} name={visitor.account?.name ?? ""} />
        )}
        {devices.length === 0 && <p>There are none yet.</p>}
        {devices.map((device) => (
          <DeviceEntry key={device.id} device={device} csrf={csrf} />
        ))}
        <NewToken csrf={csrf} />
      </>
    ),
  });
}

/** Notice that pushes need a new sign-in at the PDS. */
function Reconnect() {
  return (
    <p role="alert">
      The connection to your PDS has ended or allows too little, so pushes are
      refused.{" "}
      <a href="/auth/login?return_to=/settings/devices">Sign in again</a>.
    </p>
  );
}

function MadeToken(
  props: { device: Device; secret: string; registry: string; name: string },
) {
  const { device, secret, registry, name } = props;
  return (
    <section aria-labelledby="made">
      <h2 id="made">“{device.name}” is ready</h2>
      <p>Copy the token now: it is not shown again.</p>
      <pre><code data-secret>{secret}</code></pre>
      <p>Use it as the password:</p>
      <pre><code>{`echo "$TOKEN" | docker login ${registry} -u ${name} --password-stdin`}</code></pre>
    </section>
  );
}

function DeviceEntry({ device, csrf }: { device: Device; csrf: string }) {
  const kind = device.kind === "device" ? "Device" : "Access token";
  return (
    <section aria-label={device.name}>
      <h2>{device.name}</h2>
      <PermissionList permissions={device.permissions} />
      <p>
        {kind}, made <Moment at={device.createdAt} />, ends{" "}
        <Moment at={device.expiresAt} />,{" "}
        {device.lastUsedAt === undefined ? "never used" : (
          <>
            last used <Moment at={device.lastUsedAt} />
          </>
        )}.
      </p>
      <form method="post" action="/settings/devices/revoke">
        <CsrfField token={csrf} />
        <button type="submit" name="id" value={device.id}>
          Revoke {device.name}
        </button>
      </form>
    </section>
  );
}

function NewToken({ csrf }: { csrf: string }) {
  return (
    <>
      <h2>New access token</h2>
      <p>
        For CI and other machines: it can do no more than you allow here, and
        your app password stays at home.
      </p>
      <form method="post" action="/settings/devices/tokens">
        <CsrfField token={csrf} />
        <p>
          <label for="name">Name</label>
          <br />
          <input id="name" name="name" maxLength={60} required />
        </p>
        <p>
          <label for="repositories">Repositories</label>
          <br />
          <input id="repositories" name="repositories" value="*" required />
          <br />
          <small>
            For example app, or team/* for all that begin with team/, or *{" "}
            for all; several with spaces between.
          </small>
        </p>
        <fieldset>
          <legend>It may</legend>
          <Access value="pull" text="pull" checked />
          <Access value="push" text="pull and push" />
          <Access value="delete" text="pull, push and delete" />
        </fieldset>
        <LifetimeField />
        <button type="submit">Make the token</button>
      </form>
    </>
  );
}

function Access(
  { value, text, checked = false }: {
    value: string;
    text: string;
    checked?: boolean;
  },
) {
  return (
    <label>
      <input type="radio" name="access" value={value} checked={checked} />{" "}
      {text}
    </label>
  );
}

/** Content of the page of sessions. */
export interface SessionsPageProps {
  visitor: Visitor;
  csrf: string;
  sessions: readonly WebSession[];
  /** Id of the current session. */
  current: string;
}

/** The page of signed-in browsers. */
export function sessionsPage(props: SessionsPageProps): string {
  const { visitor, csrf, sessions, current } = props;
  return renderPage({
    title: "Sessions",
    visitor,
    children: (
      <>
        <h1>Signed-in browsers</h1>
        {sessions.map((session) => (
          <section key={session.id} aria-label={session.agent}>
            <h2>{session.agent === "" ? "Unknown browser" : session.agent}</h2>
            <p>
              From {session.address}, signed in{" "}
              <Moment at={session.createdAt} />, last used{" "}
              <Moment at={session.lastUsedAt} />
              {session.id === current && <strong>, this browser</strong>}.
            </p>
            <form method="post" action="/settings/sessions/end">
              <CsrfField token={csrf} />
              <button type="submit" name="id" value={session.id}>
                Sign this browser out
              </button>
            </form>
          </section>
        ))}
        <h2>Logins with an app password</h2>
        <p>
          Ends all logins that container clients have made with an app password.
          To keep them out, revoke the app password at your PDS as well.
        </p>
        <form method="post" action="/settings/sessions/end-logins">
          <CsrfField token={csrf} />
          <button type="submit">End these logins</button>
        </form>
      </>
    ),
  });
}
