import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import { testSigner } from "../../../tests/support/repo.ts";
import { startTestSandbox } from "../../../tests/support/sandbox.ts";
import { readDidDocument } from "../../atproto/did_document.ts";
import { AppError } from "../../errors.ts";
import { ensurePlcIdentity, type PlcIdentity } from "./plc_identity.ts";
import { silentLogger } from "../../testing_log.ts";
import { openKv } from "../../kv/open_kv.ts";

Deno.test("a did:plc is created once, follows key and address, and survives an unavailable directory", async () => {
  await using sandbox = await startTestSandbox();
  const kv = await openKv(":memory:");
  const deps = {
    kv,
    fetch: (url: URL, init: RequestInit) => fetch(url, init),
    directory: sandbox.plc,
    rotation: await testSigner(9),
    logger: silentLogger,
  };
  const origin = "https://hold.example.com";
  const wanted: PlcIdentity = {
    name: "hold",
    did: undefined,
    signingKey: (await testSigner(1)).didKey,
    host: "hold.example.com",
    pds: origin,
    services: { "#atcr_hold": { type: "AtcrHoldService", endpoint: origin } },
  };
  const told = async (did: Did) => {
    const response = await fetch(`${sandbox.plc}/${did}`);
    return await readDidDocument(did, await response.json());
  };
  const operations = async (did: Did) => {
    const log = await fetch(`${sandbox.plc}/${did}/log`);
    return (await log.json()).length;
  };
  const down = () => {
    throw new AppError("UPSTREAM_FAILED", "The directory is away.");
  };

  // The start is interrupted after the DID was generated.
  await assert.rejects(ensurePlcIdentity({ ...deps, fetch: down }, wanted));
  const did = await ensurePlcIdentity(deps, wanted);
  assert.match(did, /^did:plc:[a-z2-7]{24}$/);
  assert.deepEqual(await told(did), {
    did,
    handle: "hold.example.com",
    pds: origin,
    signingKey: wanted.signingKey,
    services: { "#atcr_hold": origin },
  });

  assert.equal(await ensurePlcIdentity(deps, wanted), did);
  assert.equal(await ensurePlcIdentity({ ...deps, fetch: down }, wanted), did);
  assert.equal(await operations(did), 1);

  const moved = {
    ...wanted,
    signingKey: (await testSigner(2)).didKey,
    host: "new.example.com",
    pds: "https://new.example.com",
  };
  assert.equal(await ensurePlcIdentity(deps, moved), did);
  const after = await told(did);
  assert.equal(after?.signingKey, moved.signingKey);
  assert.equal(after?.handle, "new.example.com");
  assert.equal(after?.pds, "https://new.example.com");
  assert.equal(await operations(did), 2);

  // Without the rotation key it cannot be changed, and the start succeeds anyway.
  const stranger = { ...deps, rotation: await testSigner(8) };
  assert.equal(await ensurePlcIdentity(stranger, { ...wanted, did }), did);
  assert.equal(await operations(did), 2);
  assert.equal(await ensurePlcIdentity(deps, { ...wanted, did }), did);
  assert.equal(await operations(did), 3);
  kv.close();
});
