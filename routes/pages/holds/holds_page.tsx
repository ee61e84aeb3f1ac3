/**
 * The page of the holds that are known here.
 *
 * @module
 */

import type { KnownHold } from "../../../lib/index/holds/holds.ts";
import { renderPage, type Visitor } from "../document.tsx";
import { Breakable } from "../parts/breakable.tsx";
import { holdsUrl, holdUrl } from "../urls.ts";
import { Access, State } from "./hold_state.tsx";

/** A hold in the list. */
export interface ListedHold {
  readonly hold: KnownHold;
  readonly name: string;
  /** Name of its captain; undefined where none is known. */
  readonly captain: string | undefined;
  /** Whether it runs in this process. */
  readonly isOurs: boolean;
}

/** Content of the page. */
export interface HoldsPageProps {
  readonly visitor: Visitor;
  readonly holds: readonly ListedHold[];
  /** Where the list goes on. */
  readonly cursor: string | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

/** Renders the page. */
export function holdsPage(props: HoldsPageProps): string {
  const { visitor, holds, cursor, now } = props;
  return renderPage({
    title: "Holds",
    visitor,
    isWide: true,
    children: (
      <>
        <h1 class="page-title">Holds</h1>
        <p class="lead">
          A hold stores the layers of images. Everybody can run one, and every
          owner chooses where theirs go; names of images do not depend on it.
        </p>
        {holds.length === 0
          ? (
            <p class="notice">
              No hold is known here yet. The first push names one.
            </p>
          )
          : (
            <section class="panel" aria-label="Holds">
              <table class="cards holds">
                <thead>
                  <tr>
                    <th scope="col">Hold</th>
                    <th scope="col">State</th>
                    <th scope="col">Access</th>
                    <th scope="col">Captain</th>
                    <th scope="col">Region</th>
                  </tr>
                </thead>
                <tbody>
                  {holds.map((one) => (
                    <Row key={one.hold.did} one={one} now={now} />
                  ))}
                </tbody>
              </table>
            </section>
          )}
        {cursor !== undefined && (
          <p class="paging">
            <a class="button" href={holdsUrl({ cursor })}>More holds</a>
          </p>
        )}
      </>
    ),
  });
}

function Row({ one, now }: { one: ListedHold; now: number }) {
  const { hold, name, captain, isOurs } = one;
  return (
    <tr>
      <td class="name">
        <a href={holdUrl(hold.did)}>
          <Breakable text={name} />
        </a>{" "}
        {isOurs && <span class="chip">this server</span>}
      </td>
      <td class="small" data-label="State">
        <State state={hold.state} now={now} />
      </td>
      <td class="small" data-label="Access">
        <Access facts={hold.facts} />
      </td>
      <td class="small" data-label="Captain">
        {captain === undefined
          ? <span class="soft">not known</span>
          : <Breakable text={captain} />}
      </td>
      <td class="small" data-label="Region" dir="auto">
        {hold.facts?.region ?? <span class="soft">not said</span>}
      </td>
    </tr>
  );
}
