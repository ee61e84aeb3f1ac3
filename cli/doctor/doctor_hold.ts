/**
 * Checks of `doctor` on the hold: its identity, its captain, its repo, and how
 * others see it.
 *
 * @module
 */

import { z } from "zod";
import { HOLD_COLLECTIONS } from "../../lib/atproto/records/collections.ts";
import { parseDid } from "../../lib/did.ts";
import type { AppContext } from "../../lib/context.ts";
import { operatorMessage } from "../../lib/errors.ts";
import type { HoldContext } from "../../lib/context/hold.ts";
import {
  type DoctorCheck,
  fail,
  type Finding,
  ok,
  warn,
} from "./doctor_finding.ts";

/** The checks. */
export const HOLD_CHECKS: readonly DoctorCheck[] = [
  { name: "default hold", run: defaultHold },
  { name: "hold identity", run: onHold(identity) },
  { name: "hold captain", run: onHold(captain) },
  { name: "hold repo", run: onHold(repo) },
  { name: "relays", run: onHold(relays) },
];

/** Timeout of a request, in milliseconds. */
const TIMEOUT_MS = 10_000;

const hostStatus = z.object({
  status: z.string().max(64).optional(),
  seq: z.int().nonnegative().optional(),
});

function onHold(
  check: (hold: HoldContext, ctx: AppContext) => Promise<Finding[]>,
): DoctorCheck["run"] {
  return (ctx) => ctx.hold ? check(ctx.hold, ctx) : Promise.resolve([]);
}

/** The external hold that the registry uses by default. */
async function defaultHold(ctx: AppContext): Promise<Finding[]> {
  const { config, hold, identities } = ctx;
  const did = config.server.default_hold_did;
  const isOurs = did === undefined || did === hold?.did;
  if (isOurs || !config.server.roles.includes("registry")) return [];
  await identities.forget(did);
  const { services, pds } = await identities.resolve(did);
  const origin = services["#atcr_hold"] ?? pds;
  if (origin === undefined) {
    return [
      fail(
        `${did} names no hold service; look at server.default_hold_did.`,
      ),
    ];
  }
  const url = new URL("/xrpc/com.atproto.repo.getRecord", origin);
  url.searchParams.set("repo", did);
  url.searchParams.set("collection", HOLD_COLLECTIONS.captain);
  url.searchParams.set("rkey", "self");
  const response = await ctx.fetch(url, { timeoutMs: TIMEOUT_MS });
  await response.body?.cancel();
  return [
    response.ok ? ok(`${did} is a hold at ${origin}.`) : fail(
      `${did} at ${origin} has no captain record (status ${response.status}); look at server.default_hold_did.`,
    ),
  ];
}

/** The published identity must match the key and address of this program. */
async function identity(
  { did, baseUrl, didDocument }: HoldContext,
  { identities }: AppContext,
): Promise<Finding[]> {
  if (parseDid(did) === undefined) {
    return [
      warn(
        `${did} works on this machine only; others need a hold.public_url with a public name and without a port.`,
      ),
    ];
  }
  await identities.forget(did);
  const said = await identities.resolve(did);
  const findings: Finding[] = [];
  const [method] = didDocument.verificationMethod;
  if (said.signingKey !== `did:key:${method?.publicKeyMultibase}`) {
    findings.push(
      fail(
        `The network knows ${did} with another signing key (${said.signingKey}); restore the key-value store or the secret key that belong to it.`,
      ),
    );
  }
  for (
    const [what, origin] of [
      ["#atproto_pds", said.pds],
      ["#atcr_hold", said.services["#atcr_hold"]],
    ] as const
  ) {
    if (origin === baseUrl) continue;
    findings.push(
      fail(
        `The service ${what} of ${did} is ${
          origin ?? "missing"
        } and not ${baseUrl}; look at hold.public_url.`,
      ),
    );
  }
  if (findings.length > 0) return findings;
  return [ok(`${did} leads to ${baseUrl} and to our key.`)];
}

async function captain(
  { access }: HoldContext,
  { config, identities }: AppContext,
): Promise<Finding[]> {
  const { owner } = config.hold;
  const record = await access.captain();
  if (owner === undefined) {
    return [
      warn(
        "The hold has no owner, so all pushes are refused; set hold.owner (HOLD_OWNER).",
      ),
    ];
  }
  const { did } = await identities.resolve(owner);
  if (record?.owner === did) return [ok(`The captain is ${owner}.`)];
  return [
    warn(
      `The recorded captain is ${
        record?.owner ?? "nobody"
      } and not yet ${owner}; the next start writes it.`,
    ),
  ];
}

/** Reads the whole repo, which fails if something is missing. */
async function repo({ repo }: HoldContext): Promise<Finding[]> {
  let bytes = 0;
  for await (const piece of await repo.car.export()) bytes += piece.length;
  const { rev, active } = await repo.head();
  const whole = ok(`It is whole: ${bytes} bytes at revision ${rev}.`);
  if (active) return [whole];
  const off = "The account is deactivated; run hold activate to reactivate it.";
  return [whole, warn(off)];
}

/** A relay that has seen later events refuses the earlier ones. */
function rewound(relay: string, seq: number, latest: number): Finding {
  return fail(
    `${relay} has read up to event ${seq} and this hold is at ${latest}: it was put back from a backup. Run hold restored.`,
  );
}

/** Whether the configured relays read this hold. */
async function relays(
  { baseUrl, repo }: HoldContext,
  { config, fetch }: AppContext,
): Promise<Finding[]> {
  const { hostname } = new URL(baseUrl);
  const latest = await repo.log.latest();
  return await Promise.all(config.hold.relays.map(async (relay) => {
    const url = new URL(
      "/xrpc/com.atproto.sync.getHostStatus",
      `https://${relay}`,
    );
    url.searchParams.set("hostname", hostname);
    try {
      const response = await fetch(url, { timeoutMs: TIMEOUT_MS });
      const body = hostStatus.safeParse(await response.json());
      const status = response.ok ? body.data?.status : undefined;
      const seq = response.ok ? body.data?.seq ?? 0 : 0;
      if (seq > latest) return rewound(relay, seq, latest);
      return status === "active" ? ok(`${relay} reads this hold.`) : warn(
        `${relay} does not read this hold (${
          status ?? response.status
        }); ask it with hold request-crawl.`,
      );
    } catch (error) {
      return warn(`${relay} cannot be asked: ${operatorMessage(error)}`);
    }
  }));
}
