/**
 * A process that writes to a repo until it is killed: creates, changes and
 * deletes, one and many at once. Prints every acknowledged commit on a line:
 * the number of the commit and its revision.
 *
 * Arguments: path of the KV, number of the first commit.
 *
 * @module
 */

import type { RepoWrite } from "../../lib/repo/writes.ts";
import { openTestRepo } from "./repo.ts";
import { openKv } from "../../lib/kv/open_kv.ts";

const [path = "", first = "0"] = Deno.args;
const { repo } = await openTestRepo({ kv: await openKv(path) });
for (let n = Number(first);; n++) {
  const count = n % 5 === 0 ? 20 : 1;
  const writes = Array.from({ length: count }, (_, i): RepoWrite => ({
    action: "create",
    collection: "com.example.note",
    rkey: `${n}-${i}`,
    value: { n, i },
  }));
  if (n % 3 === 0) {
    writes.push({
      action: "put",
      collection: "com.example.last",
      rkey: "self",
      value: { n },
    });
  }
  if (n % 7 === 6) {
    writes.push({
      action: "delete",
      collection: "com.example.note",
      rkey: `${n - 3}-0`,
    });
  }
  const { rev } = await repo.apply(writes);
  await Deno.stdout.write(new TextEncoder().encode(`${n} ${rev}\n`));
}
