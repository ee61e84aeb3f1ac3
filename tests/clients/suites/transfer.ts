/**
 * A multi-platform image with referrers goes from another registry program into
 * the product and back; every digest stays.
 *
 * @module
 */

import assert from "node:assert/strict";
import { findPeers, type Peer } from "../../tools/peers.ts";
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
    ...Object.fromEntries(PEER_NAMES.flatMap((name) =>
      [
        [`${name}, regctl with referrers`, (t) =>
          withPeer(t, name, async (t, peer, theirs) => {
            await t.run("regctl", [
              ...["registry", "set", "--tls", "disabled", peer],
            ]);
            await thereAndBack(t, `${name}-regctl`, theirs, (from, to) =>
              t.run("regctl", ["image", "copy", "--referrers", from, to]));
          })],
        [`${name}, oras cp -r`, (t) =>
          withPeer(t, name, async (t, _peer, theirs) => {
            await thereAndBack(t, `${name}-oras`, theirs, (from, to) =>
              t.run("oras", [
                ...["cp", "-r", "--from-plain-http", "--to-plain-http"],
                ...[from, to],
              ]));
          })],
        [`${name}, skopeo copy --all`, (t) =>
          withPeer(t, name, async (t, _peer, theirs) => {
            await thereAndBack(t, `${name}-skopeo`, theirs, (from, to) =>
              t.run("skopeo", [
                ...["copy", "--all", "--src-tls-verify=false"],
                ...["--dest-tls-verify=false"],
                ...[`docker://${from}`, `docker://${to}`],
              ]), false);
          })],
      ] as [string, (t: Station) => Promise<void>][]
    )),
  },
};

/** Starts the peer and puts the image with its referrers there. */
async function withPeer(
  t: Station,
  name: string,
  work: (t: Station, peer: string, theirs: RegistryApi) => Promise<void>,
): Promise<void> {
  const peer: Peer | undefined = (await findPeers())
    .find((candidate) => candidate.name === name);
  if (peer === undefined) throw new Skip(`${name} is not installed`);
  const folder = t.path(name);
  const server = await peer.start(folder);
  try {
    const theirs = new RegistryApi(server.host);
    const { folder: layout, top, referrers } = t.world.images.multi;
    await theirs.pushLayout(layout, "from", top, "1");
    if (peer.referrers) {
      for (const { descriptor } of referrers) {
        const { digest } = descriptor;
        await theirs.pushLayout(layout, "from", descriptor, digest);
      }
    }
    await work(t, server.host, theirs);
  } finally {
    await server.stop();
    await Deno.remove(folder, { recursive: true });
  }
}

async function thereAndBack(
  t: Station,
  name: string,
  theirs: RegistryApi,
  copy: (from: string, to: string) => Promise<string>,
  withReferrers = true,
): Promise<void> {
  const { top, referrers } = t.world.images.multi;
  const ours = t.world.api;
  await copy(`${theirs.host}/from:1`, t.ref(name));
  await copy(t.ref(name), `${theirs.host}/back:1`);
  assert.equal(await ours.digest(t.repo(name), "1"), top.digest);
  assert.equal(await theirs.digest("back", "1"), top.digest);
  const bytes = await ours.manifest(t.repo(name), "1");
  assert.deepEqual(bytes, await theirs.manifest("from", "1"));
  if (!withReferrers) return;
  for (const { subject } of referrers) {
    const probe = await theirs.request("from", "GET", `referrers/${subject}`);
    await probe.body?.cancel();
    if (probe.status !== 200) return; // it has no referrers to copy
    const found = await theirs.referrers("from", subject);
    assert.deepEqual(await ours.referrers(t.repo(name), subject), found);
    assert.deepEqual(await theirs.referrers("back", subject), found);
  }
}
