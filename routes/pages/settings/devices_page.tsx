/**
 * The page of devices and access tokens.
 *
 * @module
 */

import type { Device } from "../../../lib/auth/devices/devices.ts";
import { LifetimeField, LIFETIMES, PermissionList } from "../device.tsx";
import { CsrfField, type Visitor } from "../document.tsx";
import { CopyBox } from "../parts/copy_box.tsx";
import { TextField } from "../parts/fields.tsx";
import { Age, countOf } from "../parts/format.tsx";
import { Panel } from "../parts/panel.tsx";
import { settingsPage } from "./settings_page.tsx";

/** What was typed into the form for a new token. */
export interface TokenForm {
  readonly name: string;
  readonly repositories: string;
  readonly access: string;
  readonly days: number;
}

/** The form before anything is typed. */
export const NEW_TOKEN: TokenForm = {
  name: "",
  repositories: "*",
  access: "pull",
  days: LIFETIMES[2],
};

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
  typed: TokenForm;
  /** Whether the registry can still write to the account's PDS. */
  connected: boolean;
  /** Milliseconds since the Unix epoch. */
  now: number;
}

/** The page of devices and access tokens. */
export function devicesPage(props: DevicesPageProps): string {
  const { visitor, devices, made, problem, connected } = props;
  return settingsPage({
    visitor,
    current: "devices",
    title: "Devices and access tokens",
    problem,
    children: (
      <>
        {!connected && <Reconnect />}
        {made && (
          <MadeToken {...made} {...props} name={visitor.account?.name ?? ""} />
        )}
        {devices.length === 0
          ? (
            <p class="soft">
              There are none yet. A device is signed in by the{" "}
              <a href="/install">credential helper</a>; a token is for machines.
            </p>
          )
          : (
            <section class="panel" aria-label="Devices and tokens">
              <header>
                <h2>In use</h2>
                <span class="small soft">
                  {countOf(
                    devices.length,
                    "device or token",
                    "devices and tokens",
                  )}
                </span>
              </header>
              <ul class="entries">
                {devices.map((device) => (
                  <DeviceEntry key={device.id} device={device} {...props} />
                ))}
              </ul>
            </section>
          )}
        <NewToken {...props} />
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
  const login =
    `echo "$TOKEN" | docker login ${registry} -u ${name} --password-stdin`;
  return (
    <Panel id="made" title={<>“{device.name}” is ready</>}>
      <div class="body">
        <p>Copy the token now: it is not shown again.</p>
        <CopyBox text={secret} what="the token" isSecret />
        <p class="above">Use it as the password:</p>
        <CopyBox text={login} what="the command" />
      </div>
    </Panel>
  );
}

function DeviceEntry(
  { device, csrf, now }: { device: Device; csrf: string; now: number },
) {
  const kind = device.kind === "device" ? "Device" : "Access token";
  return (
    <li>
      <div>
        <h3>{device.name}</h3>
        <p class="small soft">
          {kind}, made <Age at={device.createdAt} now={now} />, ends{" "}
          <Age at={device.expiresAt} now={now} />,{" "}
          {device.lastUsedAt === undefined ? "never used" : (
            <>
              last used <Age at={device.lastUsedAt} now={now} />
            </>
          )}
        </p>
        <PermissionList permissions={device.permissions} />
      </div>
      <form method="post" action="/settings/devices/revoke">
        <CsrfField token={csrf} />
        <button
          type="submit"
          class="button"
          name="id"
          value={device.id}
          aria-label={`Revoke ${device.name}`}
        >
          Revoke
        </button>
      </form>
    </li>
  );
}

function NewToken(
  { csrf, typed }: { csrf: string; typed: TokenForm },
) {
  return (
    <Panel id="new" title="New access token">
      <form class="body form" method="post" action="/settings/devices/tokens">
        <p class="soft">
          For CI and other machines: it can do no more than you allow here, and
          your app password stays at home.
        </p>
        <CsrfField token={csrf} />
        <TextField
          name="name"
          label="Name"
          value={typed.name}
          maxLength={60}
          required
        />
        <TextField
          name="repositories"
          label="Repositories"
          value={typed.repositories}
          hint="For example app, or team/* for all that begin with team/, or * for all; several with spaces between."
          required
        />
        <fieldset>
          <legend>It may</legend>
          <Access value="pull" text="pull" typed={typed} />
          <Access value="push" text="pull and push" typed={typed} />
          <Access value="delete" text="pull, push and delete" typed={typed} />
        </fieldset>
        <LifetimeField chosen={typed.days} />
        <p class="actions">
          <button type="submit" class="button primary">Make the token</button>
        </p>
      </form>
    </Panel>
  );
}

function Access(
  { value, text, typed }: { value: string; text: string; typed: TokenForm },
) {
  return (
    <label>
      <input
        type="radio"
        name="access"
        value={value}
        checked={value === typed.access}
      />{" "}
      {text}
    </label>
  );
}
