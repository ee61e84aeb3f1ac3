/**
 * A multi-platform image with referrers goes from another registry program into
 * the product and back; every digest stays.
 *
 * @module
 */

import assert from "node:assert/strict";
import { findPeers } from "../../tools/peers.ts";
import { RegistryApi } from "../registry_api.ts";
import { Skip, type Station, type Suite } from "../suite.ts";

const PEER_NAMES = ["zot", "distribution", "docker-registry"];

export const transfer: Suite = {
  name: "transfer",
  programs: ["regctl", "oras", "skopeo"],
  async version() {
    const peers = await findPeers();
    return peers.map(({ name, version }) => `${name} ${version}`).join(", ");
  },
  absent: Object.fromEntries(
    ["push", "pull", "list", "delete", "multi-arch"].map((
      action,
    ) => [action, "copies only: see below"]),
  ),
  actions: {
    async login(t) {
      const { host, alice } = t.world;
      const user = ["-u", alice.handle];
      const input = { input: alice.appPassword };
      await t.run("regctl", ["registry", "set", "--tls", "disabled", host]);
      await t.run("regctl", [
        ...["registry", "login", ...user, "--pass-stdin", host],
      ], input);
      await t.run("oras", [
        ...["login", "--plain-http", ...user, "--password-stdin", host],
      ], input);
      await t.run("skopeo", [
        ...["login", "--tls-verify=false", ...user, "--password-stdin", host],
      ], input);
    },
    ...Object.fromEntries(PEER_NAMES.flatMap((name) => [
      [
        `${name}, regctl with referrers`,
        (t: Station) =>
          withPeer(t, name, async (theirs) => {
            await t.run("regctl", [
              ...["registry", "set", "--tls", "disabled", theirs.api.host],
            ]);
            const args = ["image", "copy", "--referrers"];
            const repo = `${name}-regctl`;
            await thereAndBack(
              t,
              repo,
              theirs,
              (from, to) => t.run("regctl", [...args, from, to]),
            );
            await sameReferrers(t, repo, theirs);
          }),
      ],
      [
        `${name}, oras cp -r`,
        (t: Station) =>
          withPeer(t, name, async (theirs) => {
            const args = ["cp", "-r", "--from-plain-http", "--to-plain-http"];
            const repo = `${name}-oras`;
            await thereAndBack(
              t,
              repo,
              theirs,
              (from, to) => t.run("oras", [...args, from, to]),
            );
            await sameReferrers(t, repo, theirs);
          }),
      ],
      [
        `${name}, skopeo copy --all`,
        (t: Station) =>
          withPeer(t, name, async (theirs) => {
            const args = ["copy", "--all", "--src-tls-verify=false"];
            await thereAndBack(t, `${name}-skopeo`, theirs, (from, to) =>
              t.run("skopeo", [
                ...[...args, "--dest-tls-verify=false"],
                ...[`docker://${from}`, `docker://${to}`],
              ]));
          }),
      ],
    ])),
  },
};

/** The other registry of a transfer. */
interface Theirs {
  readonly api: RegistryApi;
  /** Whether it serves the referrers API. */
  readonly referrers: boolean;
}

/** Starts the peer and puts the image with its referrers there. */
async function withPeer(
  t: Station,
  name: string,
  work: (theirs: Theirs) => Promise<void>,
): Promise<void> {
  const peer = (await findPeers()).find((candidate) => candidate.name === name);
  if (peer === undefined) throw new Skip(`${name} is not installed`);
  const folder = t.path(name);
  const server = await peer.start(folder);
  try {
    const api = new RegistryApi(server.host);
    const { folder: layout, top, ...rest } = t.world.images.multi;
    await api.pushLayout(layout, "from", top, "1");
    for (const { descriptor } of rest.referrers) {
      await api.pushLayout(layout, "from", descriptor, descriptor.digest);
    }
    if (!peer.referrers) {
      for (const { subject, descriptor } of rest.referrerIndexes) {
        await api.pushLayout(layout, "from", descriptor, fallbackTag(subject));
      }
    }
    await work({ api, referrers: peer.referrers });
  } finally {
    await server.stop();
    await Deno.remove(folder, { recursive: true });
  }
}

async function thereAndBack(
  t: Station,
  name: string,
  { api: theirs }: Theirs,
  copy: (from: string, to: string) => Promise<string>,
): Promise<void> {
  const { digest } = t.world.images.multi.top;
  const ours = t.world.api;
  await copy(`${theirs.host}/from:1`, t.ref(name));
  await copy(t.ref(name), `${theirs.host}/back:1`);
  assert.equal(await ours.digest(t.repo(name), "1"), digest);
  assert.equal(await theirs.digest("back", "1"), digest);
  const bytes = await ours.manifest(t.repo(name), "1");
  assert.deepEqual(bytes, await theirs.manifest("from", "1"));
}

/** Checks that the referrers have come along, in both directions. */
async function sameReferrers(
  t: Station,
  name: string,
  theirs: Theirs,
): Promise<void> {
  for (const { subject } of t.world.images.multi.referrerIndexes) {
    const expected = t.world.images.multi.referrers
      .filter((referrer) => referrer.subject === subject)
      .map(({ descriptor }) => descriptor.digest)
      .sort();
    const here = await t.world.api.referrers(t.repo(name), subject);
    assert.deepEqual(here, expected);
    const back = theirs.referrers
      ? await theirs.api.referrers("back", subject)
      : await theirs.api.children("back", fallbackTag(subject));
    assert.deepEqual(back, expected);
  }
}

/** Tag of the index of referrers where there is no referrers API. */
function fallbackTag(subject: string): string {
  return subject.replace(":", "-");
}
