/**
 * The page that says whether this server is well.
 *
 * @module
 */

import type { KnownHold } from "../../../lib/index/holds/holds.ts";
import { renderPage, type Visitor } from "../document.tsx";
import { State } from "../holds/hold_state.tsx";
import { Breakable } from "../parts/breakable.tsx";
import { holdsUrl, holdUrl } from "../urls.ts";

/** Content of the page. */
export interface StatusPageProps {
  readonly visitor: Visitor;
  readonly isReady: boolean;
  /** Whether each part works, by its name. */
  readonly checks: Readonly<Record<string, string>>;
  readonly version: string;
  readonly hold:
    | { readonly known: KnownHold; readonly name: string }
    | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

/** What the parts are called on the page. */
const NAMES: Readonly<Record<string, string>> = {
  kv: "Store of records and sessions",
  storage: "Storage of layers",
  hold: "The hold of this server",
  avatars: "Pictures",
};

/** Renders the page. */
export function statusPage(props: StatusPageProps): string {
  const { visitor, isReady, checks, version, hold, now } = props;
  return renderPage({
    title: "Status",
    visitor,
    children: (
      <>
        <h1>Status</h1>
        <p class="lead">
          {isReady
            ? "Everything works."
            : "Something does not work at the moment. The operator can see why in the log."}
        </p>
        <section class="panel" aria-label="Parts">
          <table>
            <thead>
              <tr>
                <th scope="col">Part</th>
                <th scope="col">State</th>
              </tr>
            </thead>
            <tbody>
              {Object.entries(checks).map(([name, state]) => (
                <tr key={name}>
                  <td>{NAMES[name] ?? name}</td>
                  <td>
                    <span class={state === "ok" ? "state good" : "state bad"}>
                      {state === "ok" ? "works" : "does not work"}
                    </span>
                  </td>
                </tr>
              ))}
              <NetworkRow visitor={visitor} />
              {hold && (
                <tr>
                  <td>
                    Hold of new accounts:{" "}
                    <a href={holdUrl(hold.known.did)}>
                      <Breakable text={hold.name} />
                    </a>
                  </td>
                  <td>
                    <State state={hold.known.state} now={now} />
                  </td>
                </tr>
              )}
            </tbody>
          </table>
        </section>
        <p class="above small soft">
          Version {version} · other holds are on{" "}
          <a href={holdsUrl()}>their page</a> · for programs:{" "}
          <a href="/readyz">/readyz</a>
        </p>
      </>
    ),
  });
}

/** Whether events of the network arrive. */
function NetworkRow({ visitor }: { visitor: Visitor }) {
  const { lag } = visitor.frame;
  const arrival = lag?.kind === "silent" ? "do not arrive" : "arrive late";
  return (
    <tr>
      <td>Events of the network</td>
      <td>
        <span class={lag ? "state bad" : "state good"}>
          {lag ? arrival : "arrive"}
        </span>
      </td>
    </tr>
  );
}
