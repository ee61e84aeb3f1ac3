import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { SecretBox } from "../../crypto/secret_box.ts";
import { AppError, isAppError } from "../../errors.ts";
import { LargeValues } from "../../kv/large_value.ts";
import { openKv } from "../../kv/open_kv.ts";
import type { GuardedFetch } from "../../net/guarded_fetch.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import { DEFAULT_LIMITS } from "../image/image_limits.ts";
import { DEFAULT_POOL } from "../pool/bounds.ts";
import { inlineLane } from "../pool/lane.ts";
import { RenderPool } from "../pool/pool.ts";
import { PHOTO } from "../testing.ts";
import { plainDrawing } from "./drawn.ts";
import { RemotePictures } from "./remote_pictures.ts";

const URL_OF_PHOTO = "https://pics.test/photo.jpg";
const SVG = '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>';

/** The service with a network of `files`. */
async function start(files: Record<string, Uint8Array | string>) {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const log = silentLogger;
  const asked: string[] = [];
  const counted: string[] = [];
  const pool = new RenderPool(
    { ...DEFAULT_POOL, lanes: 1 },
    { clock, log, openLane: inlineLane },
  );
  const fetch = (input: unknown) => {
    asked.push(String(input));
    const body = files[String(input)];
    return Promise.resolve(
      body === undefined
        ? new Response("", { status: 404 })
        : new Response(typeof body === "string" ? body : body.slice()),
    );
  };
  const pictures = new RemotePictures({
    ...{ clock, log, pool },
    fetch: Object.assign(fetch, { close: () => {} }) as GuardedFetch,
    values: new LargeValues(kv, clock),
    admission: {
      admit: (client, work) => {
        counted.push(`${client} ${work}`);
        return client === "flooder"
          ? Promise.reject(new AppError("TOOMANYREQUESTS", "Too many."))
          : Promise.resolve();
      },
    },
    box: new SecretBox(new Uint8Array(randomBytes(32))),
    limits: DEFAULT_LIMITS,
    draw: (svg) => Promise.resolve(new TextEncoder().encode(`drawn ${svg}`)),
  });
  const get = (url: string, client = "192.0.2.1") => {
    const [signature = "", encoded = ""] = pictures.nameOf(url)?.split("/") ??
      [];
    return pictures.get(signature, encoded, client);
  };
  const close = () => {
    pool.close();
    kv.close();
  };
  return { pictures, get, asked, counted, clock, [Symbol.dispose]: close };
}

function isMissing(error: unknown): boolean {
  return isAppError(error, "NOT_FOUND");
}

Deno.test("a picture of another site is rendered here, once until it is old", async () => {
  using world = await start({ [URL_OF_PHOTO]: PHOTO });
  const first = await world.get(URL_OF_PHOTO);
  assert.equal(first.contentType, "image/webp");
  assert.equal(new TextDecoder().decode(first.bytes.subarray(0, 4)), "RIFF");
  assert.deepEqual(await world.get(URL_OF_PHOTO), first);
  assert.deepEqual(world.asked, [URL_OF_PHOTO]);
  assert.equal(world.counted.length, 1);
  world.clock.advance(7 * 3_600_000);
  await world.get(URL_OF_PHOTO);
  assert.equal(world.asked.length, 2);
});

Deno.test("only addresses that this server has signed are fetched", async () => {
  using world = await start({ [URL_OF_PHOTO]: PHOTO });
  const [signature = "", encoded = ""] =
    world.pictures.nameOf(URL_OF_PHOTO)?.split("/") ?? [];
  const other = btoa("https://pics.test/other.jpg").replaceAll("=", "");
  const tries = [
    [signature, other],
    ["", encoded],
    [`${signature}x`, encoded],
    [signature, "%%%"],
    [signature, "a".repeat(5_000)],
  ] as const;
  for (const [given, of] of tries) {
    await assert.rejects(world.pictures.get(given, of, undefined), isMissing);
  }
  assert.deepEqual(world.asked, []);
});

Deno.test("addresses that are not of the public web get no name", async () => {
  using world = await start({});
  const { pictures } = world;
  for (
    const url of [
      "http://pics.test/a.png",
      "//pics.test/a.png",
      "/a.png",
      "data:image/png;base64,AAAA",
      "file:///etc/passwd",
      "https://user@pics.test/a.png",
      `https://pics.test/${"a".repeat(1_000)}`,
    ]
  ) assert.equal(pictures.nameOf(url), undefined, url);
  assert.equal(
    pictures.nameOf("https://pics.test/a.png#x"),
    pictures.nameOf(" https://pics.test/a.png"),
  );
});

Deno.test("what is missing, no picture, or too large is not shown, and not asked for again at once", async () => {
  const page = "https://pics.test/page.html";
  const bomb = "https://pics.test/bomb.svg";
  const none = "https://pics.test/none.png";
  using world = await start({
    [page]: "<!doctype html><script>alert(1)</script>",
    [bomb]: SVG.replace("<path", '<use href="#a"/><path'),
  });
  for (const url of [page, bomb, none]) {
    await assert.rejects(world.get(url), isMissing, url);
    await assert.rejects(world.get(url), isMissing, url);
  }
  assert.deepEqual(world.asked, [page, bomb, none]);
  world.clock.advance(11 * 60_000);
  await assert.rejects(world.get(none), isMissing);
  assert.equal(world.asked.length, 4);
});

Deno.test("a client that asks for too many is refused, except for what is kept", async () => {
  using world = await start({ [URL_OF_PHOTO]: PHOTO });
  await assert.rejects(
    world.get(URL_OF_PHOTO, "flooder"),
    (error) => isAppError(error, "TOOMANYREQUESTS"),
  );
  assert.deepEqual(world.asked, []);
  await world.get(URL_OF_PHOTO);
  await world.get(URL_OF_PHOTO, "flooder");
});

Deno.test("a badge is drawn from its shapes; drawings that refer to anything are not", async () => {
  const badge = "https://ci.test/badge.svg";
  using world = await start({ [badge]: `<?xml version="1.0"?>\n${SVG}` });
  const { contentType, bytes } = await world.get(badge);
  assert.equal(contentType, "image/png");
  assert.equal(new TextDecoder().decode(bytes).trim(), `drawn \n${SVG}`);
  const refused = [
    SVG.replace("<path", '<image href="https://evil.test/a.png"/><path'),
    SVG.replace("<path", '<use href="#a"/><path'),
    SVG.replace("<path", "<script>alert(1)</script><path"),
    SVG.replace("<path", "<filter><feTurbulence/></filter><path"),
    SVG.replace("<path", "<foreignObject/><path"),
    SVG.replace("<path", "<style>@import 'https://evil.test'</style><path"),
    `<!DOCTYPE svg [<!ENTITY a "b">]>${SVG}`,
    SVG.replace("<path", "<![CDATA[x]]><path"),
    SVG.replace("M0 0", "M0 0 ".repeat(20_000)),
  ];
  for (const svg of refused) {
    assert.equal(plainDrawing(new TextEncoder().encode(svg)), undefined, svg);
  }
});
