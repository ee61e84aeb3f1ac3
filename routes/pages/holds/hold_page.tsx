/**
 * The page of one hold.
 *
 * @module
 */

import { CopyButton } from "../../../islands/copy_button.tsx";
import type { Did } from "../../../lib/did.ts";
import type { CrewSize } from "../../../lib/hold_api/hold_member.ts";
import type { StorageDay } from "../../../lib/index/counts/storage_growth.ts";
import type { CrewFacts } from "../../../lib/index/holds/hold_rows.ts";
import type { KnownHold } from "../../../lib/index/holds/holds.ts";
import { CsrfField, renderPage, type Visitor } from "../document.tsx";
import { Island } from "../frame/island.tsx";
import { Breakable } from "../parts/breakable.tsx";
import { Age, countOf, sizeText } from "../parts/format.tsx";
import { Panel } from "../parts/panel.tsx";
import { Sparkline } from "../parts/sparkline.tsx";
import { holdsUrl, holdUrl, profileUrl } from "../urls.ts";
import { Access, State } from "./hold_state.tsx";

/** Content of the page. */
export interface HoldPageProps {
  readonly visitor: Visitor;
  readonly hold: KnownHold;
  readonly name: string;
  /** Names of its captain and of the hold that replaces it. */
  readonly captain: string | undefined;
  readonly successor: string | undefined;
  /** What the visitor is there. */
  readonly place: {
    readonly isCaptain: boolean;
    readonly crew: CrewFacts | undefined;
  };
  /** Undefined for those who are not in the crew, or where it is not known. */
  readonly crewSize: CrewSize | undefined;
  /** What is stored, day by day; empty for those who are not in the crew. */
  readonly days: readonly StorageDay[];
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

/** Renders the page. */
export function holdPage(props: HoldPageProps): string {
  const { visitor, hold, name } = props;
  const { facts, state } = hold;
  return renderPage({
    title: `Hold ${name}`,
    visitor,
    isWide: true,
    children: (
      <>
        <p class="crumbs small">
          <a href={holdsUrl()}>Holds</a>
        </p>
        <h1>
          <Breakable text={name} />
        </h1>
        {state.reachable === false && (
          <p class="notice" role="status">
            This hold does not answer, so pulls and pushes of its layers will
            fail. {state.reason}
          </p>
        )}
        {facts?.successor !== undefined && (
          <p class="notice">
            This hold is being replaced by{" "}
            <a href={holdUrl(facts.successor)}>{props.successor}</a>. Choose
            that one for new pushes.
          </p>
        )}
        <div class="split">
          <div>
            <Place {...props} />
            <Stored {...props} />
          </div>
          <aside aria-label="About">
            <About {...props} />
          </aside>
        </div>
      </>
    ),
  });
}

function About({ hold, captain, crewSize, now }: HoldPageProps) {
  const { facts, state } = hold;
  return (
    <dl class="facts">
      <dt>State</dt>
      <dd>
        <State state={state} now={now} />
        {state.checkedAt !== undefined && (
          <span class="soft">
            {" · looked at "}
            <Age at={state.checkedAt} now={now} />
          </span>
        )}
      </dd>
      <dt>Access</dt>
      <dd>
        <Access facts={facts} />
      </dd>
      {captain !== undefined && (
        <>
          <dt>Captain</dt>
          <dd>
            <a href={profileUrl(captain)}>
              <Breakable text={captain} />
            </a>
          </dd>
        </>
      )}
      {crewSize && (
        <>
          <dt>Crew</dt>
          <dd>
            {countOf(crewSize.count, "member")}
            {!crewSize.isWhole && " and more"}
          </dd>
        </>
      )}
      {facts?.region !== undefined && (
        <>
          <dt>Region</dt>
          <dd dir="auto">{facts.region}</dd>
        </>
      )}
      {state.version !== undefined && (
        <>
          <dt>Software</dt>
          <dd>{state.version}</dd>
        </>
      )}
      <Identifier did={hold.did} />
    </dl>
  );
}

function Identifier({ did }: { did: Did }) {
  return (
    <>
      <dt>DID</dt>
      <dd class="whole-digest" data-copied>
        <code>{did}</code>
        <Island
          name="copy_button"
          of={CopyButton}
          props={{ text: did, what: "the DID" }}
        />
      </dd>
    </>
  );
}

function Place({ visitor, hold, place, name }: HoldPageProps) {
  const { account } = visitor;
  const { facts } = hold;
  const isMember = place.isCaptain || place.crew !== undefined;
  return (
    <Panel id="place" title="Your place here">
      <div class="body">
        {!account
          ? (
            <p>
              <a href={`/auth/login?return_to=${holdUrl(hold.did)}`}>Sign in</a>
              {" "}
              to see what you are here
              {facts?.allowAllCrew ? ", or to join the crew" : ""}.
            </p>
          )
          : isMember
          ? (
            <p>
              You are{" "}
              {place.isCaptain ? "the captain" : `crew (${place.crew?.role})`}.
              {" "}
              <a href="/settings/storage">What you store, and leaving</a>
            </p>
          )
          : facts?.allowAllCrew
          ? (
            <form method="post" action="/settings/storage/join">
              <CsrfField token={account.csrf} />
              <p>
                You are not in the crew. Members may pull and push; their layers
                lie here once they choose this hold in the{" "}
                <a href="/settings">settings</a>.
              </p>
              <button
                type="submit"
                class="button primary"
                name="hold"
                value={hold.did}
                aria-label={`Join the crew of ${name}`}
              >
                Join the crew
              </button>
            </form>
          )
          : (
            <p>
              You are not in the crew. It takes members by invitation: ask its
              captain.
            </p>
          )}
      </div>
    </Panel>
  );
}

function Stored({ days, place }: HoldPageProps) {
  const last = days.at(-1);
  if (!last) {
    if (!place.isCaptain) return null;
    return (
      <Panel id="stored" title="Stored">
        <div class="body">
          <p>What is stored is noted once a day; nothing is noted yet.</p>
        </div>
      </Panel>
    );
  }
  const [first = last] = days;
  const growth = last.bytes - first.bytes;
  const change = `${growth < 0 ? "−" : "+"}${sizeText(Math.abs(growth))}`;
  const span = `${change} in ${countOf(days.length, "day")}`;
  return (
    <Panel id="stored" title="Stored" note={span}>
      <div class="body">
        <p class="amount">
          <b>{sizeText(last.bytes)}</b> in {countOf(last.blobs, "blob")}
        </p>
        <Sparkline
          points={days.map(({ since, bytes }) => ({ at: since, value: bytes }))}
          label={`${sizeText(first.bytes)} at first, ${
            sizeText(last.bytes)
          } now: ${span}`}
        />
      </div>
    </Panel>
  );
}
