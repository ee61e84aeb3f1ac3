import assert from "node:assert/strict";
import type { ImageRow, VariantRow } from "../picture_rows.ts";
import {
  ALICE,
  MINUTE,
  OTHER,
  PHOTO,
  query,
  Setup,
  whileTicking,
} from "../testing.ts";
import { DEFAULT_AVATAR_OPTIONS } from "../options.ts";
import { silentLogger } from "../../testing_log.ts";
import { VariantRows } from "./variant_rows.ts";
import { VariantBudget } from "./budget.ts";

/** Bytes of all stored objects, by default without originals. */
async function stored(setup: Setup, withOriginals = false): Promise<number> {
  let bytes = 0;
  for await (const { key, info } of setup.store.list("avatars/")) {
    if (withOriginals || !key.includes("/original/")) bytes += info.size;
  }
  return bytes;
}

async function counted(setup: Setup): Promise<number> {
  return Number(await setup.kv.counter(["avatar", "stored_bytes"]));
}

const nameOf = ({ location }: { location: string }) =>
  location.slice(location.lastIndexOf("/") + 1);

Deno.test("uncommon sizes of one client evict no pictures of others, nor the client's own common sizes", async () => {
  await using setup = await Setup.open();
  setup.network.setPicture(ALICE, PHOTO);
  const service = await setup.service({ clientSizesPerDay: 5 });
  const ask = async (text: string, client: string) => {
    const found = await service.picture(ALICE, "avatar", query(text), client);
    return `${found.cache} ${nameOf(found)}`;
  };
  for (let w = 101; w <= 105; w++) {
    assert.equal(await ask(`w=${w}`, "one"), `miss w${w}-q85.webp`);
  }
  assert.equal(await ask("w=106", "one"), "nearest w105-q85.webp");
  assert.equal(await ask("w=90", "one"), "nearest w101-q85.webp");
  assert.equal(await ask("w=103&q=84", "one"), "nearest w103-q85.webp");
  assert.equal(await ask("w=64&h=64", "one"), "miss w64-h64-q85.webp");
  assert.equal(await ask("", "one"), "miss default.webp");
  assert.equal(await ask("w=63&h=63", "one"), "nearest w64-h64-q85.webp");
  assert.equal(await ask("w=106", "two"), "miss w106-q85.webp");
  assert.equal(await ask("w=106", "one"), "hit w106-q85.webp");
  setup.clock.advance(24 * 60 * MINUTE);
  assert.equal(await ask("w=107", "one"), "miss w107-q85.webp");
});

Deno.test("beyond a budget the plain picture is returned if nothing else is stored", async () => {
  await using setup = await Setup.open();
  setup.network.setPicture(ALICE, PHOTO);
  const service = await setup.service({ clientPerMinute: 1 });
  const ask = (text: string) =>
    service.picture(ALICE, "avatar", query(text), "one");
  // The account uses up this client's limit for a minute.
  assert.equal(nameOf(await ask("w=101&f=png")), "default.png");
  assert.equal(nameOf(await ask("w=102")), "default.png");
});

Deno.test("the sizes of a picture never exceed their budget, for any number of concurrent requests", async () => {
  await using setup = await Setup.open();
  const cid = setup.network.setPicture(ALICE, PHOTO);
  const maxPictureBytes = 300_000;
  const options = { maxPictureBytes };
  const services = [
    await setup.service(options),
    await setup.service(options),
  ];
  const found = await whileTicking(
    setup.clock,
    Promise.all(Array.from({ length: 12 }, (_, i) =>
      services[i % 2]?.picture(
        ALICE,
        "avatar",
        query(`w=${239 - i}&f=png`),
        undefined,
      ))),
  );
  const caches = found.map((one) => one?.cache);
  assert.ok(caches.includes("miss"));
  assert.ok(await stored(setup) <= maxPictureBytes);
  assert.equal(
    (await setup.kv.get<ImageRow>(["avatar", "image", ALICE, cid]))?.value
      .bytes,
    await stored(setup),
  );
  assert.equal(await counted(setup), await stored(setup, true));
  const [service] = services;
  assert.ok(service);
  const full = await service.picture(ALICE, "avatar", query("w=241&f=png"));
  assert.equal(full.cache, "nearest");
  for (const text of ["", "w=200", "w=64&h=64&f=jpg"]) {
    const { cache } = await service.picture(ALICE, "avatar", query(text));
    assert.equal(cache, "miss", text);
  }
  // Variants not requested for a while are evicted; others stay.
  setup.clock.advance(20 * MINUTE);
  const { location } = full;
  const again = /\/w(\d+)\.png$/.exec(location)?.[1];
  await service.picture(ALICE, "avatar", query(`w=${again}&f=png`));
  setup.clock.advance(10 * MINUTE);
  const made = await service.picture(ALICE, "avatar", query("w=242&f=png"));
  assert.equal(made.cache, "miss");
  assert.ok(await setup.store.head(new URL(location).pathname.slice(1)));
  assert.ok(await stored(setup) <= maxPictureBytes);
  assert.equal(await counted(setup), await stored(setup, true));
});

Deno.test("beyond the budget of all pictures the least used are evicted with their rows", async () => {
  await using setup = await Setup.open();
  const cid = setup.network.setPicture(ALICE, PHOTO);
  const banner = setup.network.setPicture(ALICE, OTHER, { kind: "banner" });
  const roomy = await setup.service();
  await roomy.picture(ALICE, "banner", query("w=50"));
  setup.clock.advance(MINUTE);
  for (const w of [60, 70, 80]) {
    await roomy.picture(ALICE, "avatar", query(`w=${w}`));
  }
  const all = await stored(setup, true);
  assert.equal(await counted(setup), all);
  const tight = await setup.service({ maxStoredBytes: all - 1 });
  // All of them are in use: uncommon sizes have to wait, others are rendered.
  const odd = await tight.picture(ALICE, "avatar", query("w=61"));
  assert.equal(odd.cache, "nearest");
  assert.equal(nameOf(odd), "w60-q85.webp");
  const common = await tight.picture(ALICE, "avatar", query("w=64"));
  assert.equal(common.cache, "miss");
  setup.clock.advance(23 * MINUTE);
  await tight.sweep();
  assert.ok(await setup.store.head(`avatars/${ALICE}/${banner}/w50-q85.webp`));
  setup.clock.advance(3 * MINUTE);
  await tight.picture(ALICE, "avatar", query("w=80"));
  await tight.sweep();
  assert.deepEqual(
    (await setup.keys()).filter((key) => key.includes(banner)),
    [],
    "the picture that was used least is gone whole",
  );
  assert.ok(await setup.store.head(`avatars/${ALICE}/${cid}/w80-q85.webp`));
  assert.ok(await stored(setup, true) <= all * 0.9);
  assert.equal(await counted(setup), await stored(setup, true));
  for await (
    const { key } of setup.kv.list<VariantRow>({
      prefix: ["avatar", "variant"],
    })
  ) {
    const path = key.slice(2).map(String).join("/");
    assert.ok(await setup.store.head(`avatars/${path}`));
  }
  const back = await tight.picture(ALICE, "banner", query("w=50"));
  assert.equal(back.cache, "miss");
});

Deno.test("objects stored by earlier versions are counted by the first sweep", async () => {
  await using setup = await Setup.open();
  const cid = setup.network.setPicture(ALICE, PHOTO);
  const service = await setup.service();
  for (const w of [60, 70]) {
    await service.picture(ALICE, "avatar", query(`w=${w}`));
  }
  const expected = await stored(setup, true);
  const key = ["avatar", "image", ALICE, cid];
  const row = await setup.kv.get<ImageRow>(key);
  const { original } = row?.value ?? {};
  await setup.kv.set(key, { variants: 2, countedFrom: 0, original });
  await setup.kv.delete(["avatar", "stored_bytes"]);
  await service.sweep();
  assert.equal(await counted(setup), expected);
  await service.picture(ALICE, "avatar", query("w=90"));
  assert.equal(
    (await setup.kv.get<ImageRow>(key))?.value.bytes,
    await stored(setup),
  );
  assert.equal(await counted(setup), await stored(setup, true));
});

Deno.test("objects of an instance that died before their rows were written are removed", async () => {
  await using setup = await Setup.open();
  setup.network.setPicture(ALICE, PHOTO);
  const put = setup.store.put.bind(setup.store);
  const dying = new Proxy(setup.store, {
    get(target, name) {
      if (name === "put") {
        return async (...args: Parameters<typeof put>) => {
          await put(...args);
          if (!args[0].includes("/original/")) throw new Error("killed");
        };
      }
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const victim = await setup.service({}, dying);
  await assert.rejects(victim.picture(ALICE, "avatar", query("w=60")));
  assert.equal((await setup.keys()).length, 2);
  const service = await setup.service();
  setup.clock.advance(14 * MINUTE);
  await service.sweep();
  assert.equal((await setup.keys()).length, 2, "it may still be under way");
  setup.clock.advance(2 * MINUTE);
  await service.sweep();
  assert.deepEqual(await setup.keys(), []);
  // One that was stored again meanwhile stays.
  await assert.rejects(victim.picture(ALICE, "avatar", query("w=60")));
  await service.picture(ALICE, "avatar", query("w=60"));
  setup.clock.advance(16 * MINUTE);
  await service.sweep();
  assert.ok((await setup.keys()).some((key) => key.endsWith("w60-q85.webp")));
});

/** How a variant is counted; the plain picture is not. */
async function classOf(
  setup: Setup,
  text: string,
  allowedSizes: readonly number[] = [],
): Promise<string> {
  const options = {
    ...DEFAULT_AVATAR_OPTIONS,
    baseUrl: "https://pics.example.com",
    allowedSizes,
  };
  const deps = { ...setup, log: silentLogger };
  const rows = new VariantRows(deps, options);
  const budget = new VariantBudget({ ...deps, rows }, options);
  let counted = "plain";
  await budget.mayMake(ALICE, "cid", query(text), {
    client: "one",
    admit: () => Promise.resolve(),
    mayMake: (_, size) => {
      counted = size;
      return Promise.resolve(false);
    },
  });
  return counted;
}

Deno.test("the plain picture and common sizes are distinguished from others", async () => {
  await using setup = await Setup.open();
  for (const text of ["", "f=jpg", "f=png", "dpr=2", "q=85", "fit=contain"]) {
    assert.equal(await classOf(setup, text), "plain", text);
  }
  for (
    const text of [
      ...["w=64", "w=64&h=64", "w=64&h=64&dpr=2", "w=200&f=jpg"],
      ...["w=1024", "w=512&f=png"],
    ]
  ) {
    assert.equal(await classOf(setup, text), "common", text);
  }
  for (
    const text of [
      ...["w=63", "h=64", "w=64&h=65", "w=64&q=84", "w=64&dpr=1.5"],
      ...["w=1000&dpr=2", "w=600&f=png", "w=64&h=64&fit=inside"],
      ...["w=64&enlarge=true", "q=1", "w=2000"],
    ]
  ) {
    assert.equal(await classOf(setup, text), "other", text);
  }
  assert.equal(await classOf(setup, "w=63", [63]), "common");
  assert.equal(await classOf(setup, "w=64", [63]), "other");
});

Deno.test("the documentation lists the common sizes", async () => {
  const page = new URL("../../../docs/avatars.md", import.meta.url);
  const text = (await Deno.readTextFile(page)).replaceAll(/\n> |\s+/g, " ");
  const listed = (/ 16, 20,[\d, ]* 1024 /.exec(text)?.[0] ?? "").split(",")
    .map(Number);
  await using setup = await Setup.open();
  const common: number[] = [];
  for (let side = 1; side <= 1100; side++) {
    if (await classOf(setup, `w=${side}`) === "common") common.push(side);
  }
  assert.deepEqual(listed, common);
});
