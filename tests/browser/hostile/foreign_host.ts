/**
 * Foreign servers that are PDS and hold of an account at once, and answer every
 * question with hostile text.
 *
 * @module
 */

import { HOSTILE_TEXTS } from "./strings.ts";

/** A foreign host. */
export interface ForeignHost extends AsyncDisposable {
  readonly did: string;
  /** What it says wherever it may say something. */
  text: string;
}

/** Starts one. */
export function startForeignHost(port: number): ForeignHost {
  const did = `did:web:localhost%3A${port}`;
  const origin = `http://localhost:${port}`;
  const host: ForeignHost = {
    did,
    text: "",
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
  const server = Deno.serve(
    { hostname: "localhost", port, onListen: () => {} },
    (request) => {
      const { text } = host;
      const answer = answersOf(host, origin)[new URL(request.url).pathname];
      if (answer !== undefined) return Response.json(answer);
      return Response.json({ error: text, message: text }, { status: 400 });
    },
  );
  return host;
}

/** Answers by path. */
function answersOf(
  { did, text }: ForeignHost,
  origin: string,
): Record<string, unknown> {
  const services = [
    ["#atproto_pds", "AtprotoPersonalDataServer"],
    ["#atcr_hold", "AtcrHoldService"],
    [`#${text}`, text],
  ];
  return {
    "/.well-known/did.json": {
      id: did,
      alsoKnownAs: HOSTILE_TEXTS.slice(0, 60).map((name) => `at://${name}`),
      verificationMethod: [],
      service: services.map(([id, type]) => ({
        ...{ id, type },
        serviceEndpoint: origin,
      })),
    },
    "/xrpc/_health": { version: text },
    "/xrpc/com.atproto.repo.getRecord": {
      uri: `at://${did}/x/self`,
      value: {
        owner: did,
        public: true,
        allowAllCrew: true,
        deployedAt: text,
        region: text,
        displayName: text,
        description: text,
      },
    },
    "/xrpc/com.atproto.repo.describeRepo": {
      did,
      handle: text,
      collections: ["app.bsky.actor.profile", text],
    },
    "/xrpc/com.atproto.repo.listRecords": { records: [] },
  };
}
