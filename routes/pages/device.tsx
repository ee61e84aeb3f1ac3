/** The pages on which a device is approved. */

import type { DeviceRequest } from "../../lib/auth/devices/device_codes.ts";
import type { Permission } from "../../lib/auth/permissions.ts";
import { CsrfField, renderPage, type Visitor } from "./document.tsx";
import { SelectField } from "./parts/fields.tsx";

/** Lifetimes offered for a device or token, in days. */
export const LIFETIMES = [7, 30, 90, 365] as const;

const CHOSEN_LIFETIME = 90;

/** The page that asks for the code. */
export function deviceCodePage(
  props: { visitor: Visitor; code: string; problem: string | undefined },
): string {
  const { visitor, code, problem } = props;
  return renderPage({
    title: "Connect a device",
    visitor,
    children: (
      <>
        <h1>Connect a device</h1>
        {problem !== undefined && <p role="alert">{problem}</p>}
        <form method="get" action="/device">
          <p class="labelled">
            <label for="code">Code that the program shows</label>
            <input
              id="code"
              name="code"
              value={code}
              placeholder="BCDF-GHJK"
              autocomplete="off"
              autocapitalize="characters"
              spellcheck={false}
              maxLength={40}
              required
            />
          </p>
          <button type="submit" class="button primary">Continue</button>
        </form>
      </>
    ),
  });
}

/** A request to approve. */
export interface DeviceApprovalProps {
  readonly visitor: Visitor;
  /** The code for display. */
  readonly code: string;
  readonly request: DeviceRequest;
  readonly csrf: string;
}

/** The page that shows the request to approve. */
export function deviceApprovalPage(props: DeviceApprovalProps): string {
  const { visitor, code, request } = props;
  return renderPage({
    title: "Connect a device",
    visitor,
    children: (
      <>
        <h1>Connect “{request.name}”?</h1>
        <p>
          A program asks to act as <strong>{visitor.account?.name}</strong> at
          {" "}
          {visitor.frame.brand}. Go on only if you have just started it
          yourself, and if it shows the code{" "}
          <strong>
            <code>{code}</code>
          </strong>
          .
        </p>
        <dl>
          <dt>Asked from</dt>
          <dd>{request.address}</dd>
          <dt>With</dt>
          <dd>{request.agent === "" ? "unknown program" : request.agent}</dd>
          <dt>Asked at</dt>
          <dd>
            <Moment at={request.createdAt} />
          </dd>
          <dt>It may</dt>
          <dd>
            <PermissionList permissions={request.permissions} />
          </dd>
        </dl>
        <Decision {...props} />
      </>
    ),
  });
}

function Decision({ code, request, csrf }: DeviceApprovalProps) {
  const writes = request.permissions.some(({ actions }) =>
    actions.includes("push") || actions.includes("delete")
  );
  return (
    <form method="post" action="/device">
      <CsrfField token={csrf} />
      <input type="hidden" name="code" value={code} />
      {writes && (
        <p>
          <label>
            <input type="checkbox" name="read_only" value="yes" />{" "}
            Allow to pull only
          </label>
        </p>
      )}
      <LifetimeField />
      <p>
        <button
          type="submit"
          class="button primary"
          name="decision"
          value="approve"
        >
          Connect
        </button>{" "}
        <button type="submit" class="button" name="decision" value="deny">
          Refuse
        </button>
      </p>
    </form>
  );
}

/** The page after the decision. */
export function deviceDonePage(
  props: { visitor: Visitor; name: string; approved: boolean },
): string {
  const { visitor, name, approved } = props;
  return renderPage({
    title: approved ? "Device connected" : "Device refused",
    visitor,
    children: approved
      ? (
        <>
          <h1>“{name}” is connected</h1>
          <p>
            Go back to the program; it goes on by itself. You can revoke it at
            any time under <a href="/settings/devices">devices and tokens</a>.
          </p>
        </>
      )
      : (
        <>
          <h1>“{name}” was refused</h1>
          <p>The program gets nothing. You can close this page.</p>
        </>
      ),
  });
}

/** Field for the lifetime of a device or token, in days. */
export function LifetimeField(
  { chosen = CHOSEN_LIFETIME }: { chosen?: number },
) {
  return (
    <SelectField
      name="days"
      label="Ends after"
      values={LIFETIMES}
      chosen={chosen}
      textOf={(days) => `${days} days`}
    />
  );
}

/** Lists permissions for display. */
export function PermissionList(
  { permissions }: { permissions: readonly Permission[] },
) {
  return (
    <ul class="permissions">
      {permissions.map(({ pattern, actions }) => (
        <li key={pattern}>
          {actions.join(", ")}: {placeOf(pattern)}
        </li>
      ))}
    </ul>
  );
}

function placeOf(pattern: string): string {
  if (pattern === "*") return "all repositories";
  return pattern.endsWith("*")
    ? `repositories that begin with ${pattern.slice(0, -1)}`
    : pattern;
}

/** A time, to the minute, in UTC. */
function Moment({ at }: { at: number }) {
  const iso = new Date(at).toISOString();
  return <time dateTime={iso}>{iso.slice(0, 16).replace("T", " ")} UTC</time>;
}
