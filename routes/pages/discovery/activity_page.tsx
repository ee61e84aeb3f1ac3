/**
 * What happens in the network.
 *
 * @module
 */

import { LivePushes } from "../../../islands/live_pushes.tsx";
import { renderPage } from "../document.tsx";
import { Island } from "../frame/island.tsx";
import { NETWORK_FEED } from "../../published/urls.ts";
import { Activity, type ActivityItems } from "../parts/activity.tsx";
import { activityUrl } from "../urls.ts";
import type { Asked } from "./deps.ts";

/** Content of the page. */
export type ActivityPageProps = Asked & ActivityItems;

/** Renders the page. */
export function activityPage(props: ActivityPageProps): string {
  const { visitor, isLater } = props;
  return renderPage({
    title: "Activity",
    visitor,
    isWide: true,
    feed: NETWORK_FEED,
    children: (
      <>
        <h1 class="page-title">Activity</h1>
        <p class="soft">
          Pushes and stars of the whole network, as far as they are public, from
          the last 30 days.
        </p>
        {!isLater && <Island name="live_pushes" of={LivePushes} props={{}} />}
        <Activity
          page={props}
          urlOf={(cursor) => activityUrl({ cursor })}
          none="Nothing yet"
          hint="What is pushed stands here within seconds."
        />
      </>
    ),
  });
}
