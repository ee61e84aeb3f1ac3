/**
 * The avatar service as a process of its own, over accounts whose pictures are
 * the test images (`fixture-N.test`), mutations of them (`mutant-N.test`) and
 * files of a folder (`file-NAME.test`). Prints its port.
 *
 *   deno run -A tests/avatar/serve.ts [folder of pictures]
 *
 * @module
 */

import { Hono } from "@hono/hono";
import { Buffer } from "node:buffer";
import type { Did } from "../../lib/did.ts";
import type { Identity } from "../../lib/atproto/identity/identity.ts";
import { DEFAULT_AVATAR_OPTIONS } from "../../lib/avatar/options.ts";
import { AvatarService } from "../../lib/avatar/service.ts";
import { systemClock } from "../../lib/clock.ts";
import { createLogger } from "../../lib/log.ts";
import { Metrics } from "../../lib/metrics.ts";
import { FilesystemBlobStore } from "../../lib/storage/filesystem/filesystem.ts";
import { avatarRoutes } from "../../routes/avatar/avatar.ts";
import { clientAddress } from "../../routes/server/client_address.ts";
import { type AppEnv, observe, onError } from "../../routes/middleware.ts";
import { listen } from "../../routes/server/serve.ts";
import { blobCid } from "../support/avatar_network.ts";
import { fixture, fixtures } from "../support/images.ts";
import { mutant } from "./mutants.ts";
import { openKv } from "../../lib/kv/open_kv.ts";

const [folder] = Deno.args;
const data = await Deno.makeTempDir({ prefix: "avatars-" });
const blobs = { asked: 0 };

/** The picture behind a handle, or nothing. */
async function pictureOf(
  handle: string,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const [, kind, rest = ""] =
    /^(fixture|mutant|file)-(.+)\.test$/.exec(handle) ??
      [];
  if (kind === "mutant") return mutant(Number(rest));
  if (kind === "fixture") {
    const row = fixtures[Number(rest)];
    return row && fixture(row.file);
  }
  return kind === "file" ? await Deno.readFile(`${folder}/${rest}`) : undefined;
}

const DID = "did:plc:";

/** Handle and DID of an account follow from each other, so that nothing is kept of them. */
function identityOf(identifier: string): Identity {
  const handle = identifier.startsWith(DID)
    ? Buffer.from(identifier.slice(DID.length), "hex").toString()
    : identifier;
  return {
    did: `${DID}${Buffer.from(handle).toString("hex")}`,
    handle,
    pds: "https://pds.example.com",
    signingKey: undefined,
    services: {},
  };
}

async function profileOf(did: Did, collection: string) {
  const bytes = await pictureOf(identityOf(did).handle ?? "");
  if (bytes === undefined) return undefined;
  const avatar = {
    $type: "blob",
    ref: { $link: blobCid(bytes) },
    mimeType: "image/jpeg",
    size: bytes.length,
  };
  return { uri: `at://${did}/${collection}/self`, cid: "", value: { avatar } };
}

const log = createLogger({ level: "warn", write: (line) => warn(line) });
function warn(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}

const service = new AvatarService(
  {
    kv: await openKv(`${data}/kv`),
    clock: systemClock,
    log,
    store: new FilesystemBlobStore({ folder: `${data}/blobs` }),
    identities: {
      resolve: (identifier) => Promise.resolve(identityOf(identifier)),
      forget: () => Promise.resolve(),
    },
    pds: {
      getRecord: (_pds, did, collection) => profileOf(did, collection),
      listRecords: () => Promise.resolve({ records: [], cursor: undefined }),
      hasRepo: () => Promise.resolve(true),
      listCollections: () => Promise.resolve([]),
      getBlob: async (_pds, did) => {
        blobs.asked++;
        const bytes = await pictureOf(identityOf(did).handle ?? "");
        return bytes && { bytes, mimeType: "image/jpeg" };
      },
    },
  },
  {
    ...DEFAULT_AVATAR_OPTIONS,
    baseUrl: "http://127.0.0.1",
    // All requests come from one address, and the pictures are what is tested.
    clientPerMinute: 0,
  },
);
await service.start();
const addressOf = clientAddress({ trustProxy: false });
const app = new Hono<AppEnv>();
app.use(observe({ log, metrics: new Metrics() }));
app.onError(onError);
app.route("/", avatarRoutes(service, { indexPath: "/", addressOf }));
app.get("/stats", (c) => c.json({ ...service.stats, blobs: blobs.asked }));
const server = await listen({
  hostname: "127.0.0.1",
  port: 0,
  fetch: app.fetch,
  log,
});
Deno.stdout.writeSync(new TextEncoder().encode(`${server.port}\n`));
