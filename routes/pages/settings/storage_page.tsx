/**
 * The page of what an account stores, and of the crews that it is in.
 *
 * @module
 */

import type { Did } from "../../../lib/did.ts";
import type { StorageUse } from "../../../lib/hold_api/hold_member.ts";
import type { CrewFacts } from "../../../lib/index/holds/hold_rows.ts";
import { CsrfField, type Visitor } from "../document.tsx";
import { Breakable } from "../parts/breakable.tsx";
import { NameField } from "../parts/fields.tsx";
import { Age, countOf, sizeText } from "../parts/format.tsx";
import { Panel } from "../parts/panel.tsx";
import { holdUrl } from "../urls.ts";
import { settingsPage } from "./settings_page.tsx";

/** A hold that an account has to do with. */
export interface HoldPlace {
  readonly did: Did;
  readonly name: string;
  /** Whether new images go there. */
  readonly takesPushes: boolean;
  readonly isCaptain: boolean;
  readonly crew: CrewFacts | undefined;
  /** Whether one can leave it here. */
  readonly mayLeave: boolean;
  /** Undefined where it is not known now. */
  readonly use: StorageUse | undefined;
}

/** Content of the page. */
export interface StoragePageProps {
  readonly visitor: Visitor;
  readonly csrf: string;
  readonly places: readonly HoldPlace[];
  readonly typed: string;
  readonly problem: string | undefined;
  readonly done: string | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

/** Renders the page. */
export function storagePage(props: StoragePageProps): string {
  const { visitor, csrf, places, typed, problem, done } = props;
  return settingsPage({
    visitor,
    current: "storage",
    title: "Storage and holds",
    problem,
    done,
    children: (
      <>
        {places.map((place) => (
          <Place key={place.did} place={place} {...props} />
        ))}
        <Panel id="join" title="Join a crew">
          <form class="body form" method="post" action="/settings/storage/join">
            <CsrfField token={csrf} />
            <NameField
              name="hold"
              label="Hold"
              value={typed}
              placeholder="hold.example.com"
              hint={
                <>
                  Its host, handle or DID. Holds decide whether they take
                  members by themselves. <a href="/h">Which holds there are</a>
                </>
              }
              required
            />
            <p class="actions">
              <button type="submit" class="button">Join</button>
            </p>
          </form>
        </Panel>
      </>
    ),
  });
}

function Place(
  { place, csrf, now }: { place: HoldPlace; csrf: string; now: number },
) {
  const { did, name, takesPushes, isCaptain, crew, mayLeave } = place;
  const since = Date.parse(crew?.addedAt ?? "");
  return (
    <section class="panel place" aria-label={name}>
      <header>
        <h2>
          <a href={holdUrl(did)}>
            <Breakable text={name} />
          </a>
        </h2>
        <span class="chips">
          {takesPushes && <span class="chip">your pushes go here</span>}
          {isCaptain && <span class="chip">captain</span>}
          {crew && !isCaptain && <span class="chip">{crew.role}</span>}
        </span>
      </header>
      <div class="body">
        <Use use={place.use} />
        {crew && (
          <p class="small soft">
            You may {rightsText(crew)}
            {!Number.isNaN(since) && (
              <>
                , member since <Age at={since} now={now} />
              </>
            )}.
          </p>
        )}
        {!crew && !isCaptain && (
          <p class="small soft">You are not in its crew.</p>
        )}
        {crew && !isCaptain && (mayLeave
          ? (
            <form method="post" action="/settings/storage/leave">
              <CsrfField token={csrf} />
              <button
                type="submit"
                class="button"
                name="hold"
                value={did}
                aria-label={`Leave the crew of ${name}`}
              >
                Leave the crew
              </button>
            </form>
          )
          : (
            <p class="small soft">
              To leave, ask the captain, or{" "}
              <a href="/settings/data">delete what the hold recorded</a>{" "}
              about you.
            </p>
          ))}
      </div>
    </section>
  );
}

/** How much is used, as a bar and in words. */
function Use({ use }: { use: StorageUse | undefined }) {
  if (!use) {
    return (
      <p class="notice">
        The hold does not say now what you store there; it may be unreachable.
      </p>
    );
  }
  const { used, limit, tier, blobs } = use;
  const share = limit ? Math.min(1, used / limit) : undefined;
  return (
    <>
      <p class="amount">
        <b>{sizeText(used)}</b>
        {limit === undefined
          ? " used, without a limit"
          : ` of ${sizeText(limit)} used`}
        <span class="soft">
          {` · ${countOf(blobs, "layer")}`}
          {tier !== undefined && ` · tier ${tier}`}
        </span>
      </p>
      {share !== undefined && (
        <meter
          min={0}
          max={1}
          high={0.8}
          optimum={0}
          value={share}
          aria-label={`${Math.round(share * 100)} % of the storage used`}
        />
      )}
      {share !== undefined && share >= 0.8 && (
        <p class="small">
          {share >= 1
            ? "It is full: pushes with new layers are refused until you delete images."
            : "It is nearly full. Delete images that you no longer need."}
        </p>
      )}
    </>
  );
}

function rightsText({ permissions }: CrewFacts): string {
  const may = (name: string) => permissions.includes(name);
  if (may("crew:admin")) return "pull, push and administer it";
  if (may("blob:write")) return "pull and push";
  return may("blob:read") ? "pull" : "do nothing there";
}
