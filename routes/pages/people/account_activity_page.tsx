/**
 * What an account did.
 *
 * @module
 */

import { ownerFeedUrl } from "../../published/urls.ts";
import { renderPage } from "../document.tsx";
import { Activity, type ActivityItems } from "../parts/activity.tsx";
import { profileUrl } from "../urls.ts";
import type { AskedAccount } from "./deps.ts";
import { ProfileHead } from "./profile_head.tsx";

/** Content of the page. */
export type AccountActivityPageProps = AskedAccount & ActivityItems;

/** Renders the page. */
export function accountActivityPage(props: AccountActivityPageProps): string {
  const { visitor, name } = props;
  return renderPage({
    title: `Activity of ${name}`,
    visitor,
    isWide: true,
    feed: ownerFeedUrl(name),
    children: (
      <>
        <ProfileHead asked={props} current="activity" />
        <div class="below-tabs">
          <Activity
            page={props}
            urlOf={(cursor) => profileUrl(name, "activity", { cursor })}
            none="No activity"
            hint="Pushes and stars of the last 400 days stand here."
          />
        </div>
      </>
    ),
  });
}
