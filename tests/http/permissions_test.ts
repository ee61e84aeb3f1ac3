/**
 * The program runs with the permissions that the image and `deno task serve`
 * grant, and with no others.
 */

import assert from "node:assert/strict";
import { decodeFirst } from "@atcute/cbor";
import { z } from "zod";
import { sniff } from "../../lib/avatar/image/sniff/sniff.ts";
import { holdDid, networkEnv } from "../support/hold.ts";
import { fixture } from "../support/images.ts";
import { setAvatar } from "../support/profile.ts";
import { startProgram } from "../support/program.ts";
import { Repository } from "../support/registry.ts";
import { startTestSandbox } from "../support/sandbox.ts";
import { ROOT } from "../tools/paths.ts";
import { freePort } from "../tools/ports.ts";
import { join } from "node:path";

/** Words of the command that the image runs, from its last CMD. */
async function imageCommand(): Promise<string[]> {
  const text = await Deno.readTextFile(join(ROOT, "Dockerfile"));
  const [, words] = /^CMD (\[.*\])$/m.exec(text) ?? [];
  return z.array(z.string()).parse(JSON.parse(words ?? "null"));
}

/** Words of a task. */
async function taskCommand(name: string): Promise<string[]> {
  const text = await Deno.readTextFile(join(ROOT, "deno.json"));
  const { tasks } = z.object({ tasks: z.record(z.string(), z.string()) })
    .parse(JSON.parse(text));
  return (tasks[name] ?? "").split(" ");
}

/** The permissions of a command, in any order. */
function granted(words: readonly string[]): string[] {
  return words.filter((word) => /^(-[A-Z]|--(allow|deny))/.test(word))
    .toSorted();
}

Deno.test("the image and a start on a server grant the same, with their own data folders", async () => {
  const image = granted(await imageCommand());
  const task = granted(await taskCommand("serve"));
  assert.ok(image.includes("--allow-write=/data"), `${image}`);
  assert.ok(task.includes("--allow-write=data"), `${task}`);
  const alike = (words: readonly string[]) =>
    words.map((word) => word.replace(/^(--allow-write)=.*/, "$1=DATA"));
  assert.deepEqual(alike(image), alike(task));
});

Deno.test("no start grants all permissions, remote code or native code", async () => {
  const commands = {
    image: await imageCommand(),
    serve: await taskCommand("serve"),
    start: await taskCommand("start"),
  };
  for (const [name, words] of Object.entries(commands)) {
    assert.equal(words.at(-1), "main.ts", name);
    assert.doesNotMatch(
      words.join(" "),
      /\s(-A|-P|--allow-(all|ffi|import|scripts))/,
      name,
    );
    assert.equal(
      words.some((word) => word.startsWith("--allow-run")),
      name === "start", // For its private network.
      name,
    );
  }
});

Deno.test("with the image's permissions a push, a pull, an avatar and the hold's repo work", async () => {
  await using sandbox = await startTestSandbox();
  const { alice } = sandbox;
  const dataDir = await Deno.makeTempDir({ prefix: "atcr-" });
  const [deno, run, ...words] = await imageCommand();
  assert.deepEqual([deno, run, words.pop()], ["deno", "run", "main.ts"]);
  const rights = words.map((word) => word.replace("=/data", `=${dataDir}`));
  try {
    await using program = await startProgram({
      port: freePort(),
      dataDir,
      env: {
        ...networkEnv(sandbox),
        ATCR_SERVER_ROLES: "registry,hold,avatar",
        ATCR_HOLD_OWNER: alice.did,
        ATCR_HOLD_PUBLIC: "true",
        HOLD_BLUESKY_POSTS_ENABLED: "true",
        DENO_NO_PROMPT: "1",
      },
      runner: [Deno.execPath(), "run", ...rights],
    });
    const { origin } = program;

    const name = `${alice.did.replaceAll(":", "-")}/app`;
    const account = { ...alice, handle: alice.did };
    const repository = new Repository(program, account, name);
    const annotations = { large: "x".repeat(200_000) }; // Parsed in a worker.
    const image = await repository.pushImage("v1", { annotations });
    const pulled = await repository.send("GET", "manifests/v1");
    assert.equal(pulled.status, 200);
    assert.deepEqual(pulled.bytes, image.bytes);

    for (
      const [file, format] of [
        ["jpeg/photo-256.jpg", "webp"],
        ["orient/jpeg-o6.jpg", "png"],
      ] as const
    ) {
      await setAvatar(sandbox, alice, fixture(file));
      const url = `${origin}/${alice.did}?w=64&h=64&f=${format}&fresh=${file}`;
      const avatar = await fetch(url);
      const bytes = new Uint8Array(await avatar.arrayBuffer());
      assert.equal(avatar.status, 200, new TextDecoder().decode(bytes));
      assert.equal(sniff(bytes)?.width, 64);
    }

    const did = encodeURIComponent(holdDid(origin));
    const car = await fetch(
      `${origin}/xrpc/com.atproto.sync.getRepo?did=${did}`,
    );
    assert.equal(car.status, 200);
    const head = new Uint8Array(await car.arrayBuffer());
    assert.deepEqual(decodeFirst(head.subarray(1))[0].version, 1);
    for (const path of ["/", "/metrics", "/readyz", "/install.sh"]) {
      const response = await fetch(`${origin}${path}`);
      await response.body?.cancel();
      assert.equal(response.status, 200, path);
    }

    const log = program.log();
    assert.doesNotMatch(log, /NotCapable|main thread|Requires \w+ access/);
    const bad = log.split("\n").filter((line) => line.includes('"error"'));
    assert.deepEqual(bad, []);
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
});
