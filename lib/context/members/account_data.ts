/**
 * Builds the export and the deletion of what this server keeps about accounts.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import { INDEX_VERSION } from "../../index/version.ts";
import type { JobRunner } from "../../kv/jobs/job_runner.ts";
import type { Kv } from "../../kv/kv.ts";
import {
  ACCOUNT_DELETION,
  AccountData,
  type AccountDataDeps,
  type AccountPart,
} from "../../registry/account/account_data.ts";
import {
  ACCOUNT_GROUPS,
  type GroupName,
} from "../../registry/account/account_groups.ts";
import { AccountRows } from "../../registry/account/account_rows.ts";
import type { AuthContext } from "../auth.ts";
import type { IndexContext } from "../index.ts";
import type { SocialContext } from "../social/social.ts";
import type { WebhooksContext } from "../webhooks.ts";

export interface AccountContextDeps
  extends Pick<AccountDataDeps, "clock" | "members"> {
  readonly kv: Kv;
  readonly jobs: Pick<JobRunner, "register" | "wake">;
  readonly auth: AuthContext;
  readonly webhooks: WebhooksContext | undefined;
  readonly index: IndexContext;
  readonly social: SocialContext;
}

/** What a group has besides its rows. */
interface Service {
  readonly isAccess?: true;
  /** Items of the export, before the rows. */
  readonly read?: (
    did: Did,
  ) => AsyncIterable<unknown> | Promise<readonly unknown[]>;
  /** Goes before the rows. */
  readonly remove?: (did: Did, signal: AbortSignal) => Promise<void>;
}

/** Creates it, and registers its job. */
export function createAccountData(deps: AccountContextDeps): AccountData {
  const { jobs } = deps;
  const data = new AccountData({
    ...deps,
    parts: accountParts(deps),
    wake: () => jobs.wake(),
  });
  jobs.register(ACCOUNT_DELETION, (work, { signal }) => data.run(work, signal));
  return data;
}

/** One part for each group of the list. */
function accountParts(deps: AccountContextDeps): AccountPart[] {
  const rows = new AccountRows({ kv: deps.kv, indexVersion: INDEX_VERSION });
  const services: Partial<Record<GroupName, Service>> = {
    ...accessServices(deps),
    ...indexServices(deps),
  };
  return ACCOUNT_GROUPS.map((group) => {
    const { isAccess = false, read, remove } = services[group.name] ?? {};
    return {
      name: group.name,
      isAccess,
      read: async function* (did) {
        if (read) yield* await read(did);
        yield* rows.read(did, group);
      },
      remove: async (did, signal) => {
        await remove?.(did, signal);
        await rows.remove(did, group, signal);
      },
    };
  });
}

function accessServices(
  { auth, webhooks, members }: AccountContextDeps,
): Partial<Record<GroupName, Service>> {
  const { devices, webSessions, signIn, endPasswordLogins } = auth;
  const near = members.own?.near;
  return {
    sessions: {
      isAccess: true,
      read: (did) => webSessions.list(did),
      remove: async (did) => {
        await endPasswordLogins(did);
        for (const { id } of await webSessions.list(did)) {
          await webSessions.end(did, id);
        }
        await signIn.release(did);
      },
    },
    devicesAndTokens: {
      isAccess: true,
      read: (did) => devices.list(did),
      remove: async (did) => {
        for (const { id } of await devices.list(did)) {
          await devices.revoke(did, id);
        }
      },
    },
    webhooks: {
      read: async (did) => await webhooks?.webhooks.list(did) ?? [],
    },
    posts: {
      read: async (did) =>
        near ? [{ postsAllowed: await near.isPosted(did) }] : [],
      remove: async (did) => await near?.setPosted(did, true),
    },
  };
}

function indexServices(
  { index, social }: AccountContextDeps,
): Partial<Record<GroupName, Service>> {
  const { pageIndex, starIndex } = social.people;
  return {
    stars: { remove: (did, signal) => starIndex.forgetOwn(did, signal) },
    pages: { read: (did) => pageIndex.all(did) },
    images: { remove: (did, signal) => index.forgetOwner(did, signal) },
    activity: {
      remove: (did, signal) => social.counts.activities.forget(did, signal),
    },
  };
}
