import assert from "node:assert/strict";
import { parseLexiconDoc } from "@atproto/lexicon";
import { handlerPath } from "../../docs/lexicons.ts";
import { methodOf } from "../../docs/lexicon_types.ts";
import { HOLD_METHODS } from "../../lib/hold_api/hold_methods.ts";
import {
  LEXICON_DOCUMENTS,
  NETWORK_DOCUMENTS,
} from "../../lexicons/generated.ts";
import { openServer } from "./testing_hold.ts";
import { openPds } from "./testing_pds.ts";

/** Methods of scanners. */
const NOT_SERVED = ["io.atcr.hold.subscribeScanJobs"];

async function mounted(): Promise<string[]> {
  await using server = await openServer();
  const pds = await openPds();
  pds.kv.close();
  return [...server.methods, ...pds.methods].map(({ nsid }) => nsid);
}

Deno.test("every mounted method has a document, and every method with a document is mounted", async () => {
  const served = await mounted();
  assert.equal(new Set(served).size, served.length, "a method mounted twice");
  const documents = LEXICON_DOCUMENTS.map((document) =>
    parseLexiconDoc(document)
  );
  const documented = [...documents, ...NETWORK_DOCUMENTS]
    .filter((document) => methodOf(document) !== undefined)
    .map(({ id }) => id).filter((id) => !NOT_SERVED.includes(id));
  const missing = documented.filter((id) => !served.includes(id));
  assert.ok(
    missing.length === 0,
    `${missing}: add the method to the list in routes/xrpc/methods.ts`,
  );
  assert.deepEqual(served.sort(), documented.sort());
});

Deno.test("every method is in the file named by its NSID", async () => {
  for (const nsid of await mounted()) {
    const path = handlerPath(nsid);
    const file = new URL(`../../${path}`, import.meta.url);
    const text = await Deno.readTextFile(file).catch(() => "");
    assert.ok(text.includes(`"${nsid}"`), `${nsid} is not in ${path}`);
  }
});

Deno.test("every method that registries call with a service token is mounted", async () => {
  const served = await mounted();
  const missing = HOLD_METHODS.filter((nsid) => !served.includes(nsid));
  assert.deepEqual(missing, []);
});
