import assert from "node:assert/strict";
import { isAppError } from "../errors.ts";
import { fetchFailure } from "./fetch_failure.ts";
import { ok, PUBLIC, publicFetch } from "./testing_fetch.ts";

/** Hosts by name, as an attacker's name server would answer. */
const DNS: Record<string, string[]> = {
  "private.example": ["10.0.0.7"],
  "both-private.example": ["192.168.1.1", "fd00::1"],
  "loopback.example": ["127.0.0.1"],
  "loopback6.example": ["::1"],
  "metadata.example": ["169.254.169.254"],
  "cgnat.example": ["100.64.1.1"],
  "nat64.example": ["64:ff9b::7f00:1"],
  "sixtofour.example": ["2002:7f00:1::1"],
  "mapped.example": ["::ffff:127.0.0.1"],
  "multicast.example": ["224.0.0.251"],
  "nothing.example": [],
  "localhost": ["127.0.0.1", "::1"],
  "localhost.": ["127.0.0.1"],
  "intranet": ["10.1.1.1"],
};

const ATTEMPTS = [
  "http://example.com/",
  "ftp://example.com/",
  "file:///etc/passwd",
  "data:text/plain,hello",
  "javascript:alert(1)",
  "blob:https://example.com/1",
  "https://user@example.com/",
  "https://user:pass@example.com/",
  "https://example.com:8443/",
  "https://example.com:22/",
  "https://127.0.0.1/",
  "https://127.1/",
  "https://2130706433/",
  "https://0x7f000001/",
  "https://0177.0.0.1/",
  "https://0/",
  "https://10.0.0.1/",
  "https://169.254.169.254/latest/meta-data/",
  "https://192.168.0.1/",
  "https://100.100.100.200/",
  "https://[::1]/",
  "https://[::]/",
  "https://[::ffff:127.0.0.1]/",
  "https://[::ffff:7f00:1]/",
  "https://[64:ff9b::7f00:1]/",
  "https://[fe80::1]/",
  "https://[fd00::1]/",
  "https://[2002:7f00:1::]/",
  "https://①②⑦.⓪.⓪.①/",
  "https://private.example/",
  "https://both-private.example/",
  "https://loopback.example/",
  "https://loopback6.example/",
  "https://metadata.example/",
  "https://cgnat.example/",
  "https://nat64.example/",
  "https://sixtofour.example/",
  "https://mapped.example/",
  "https://multicast.example/",
  "https://nothing.example/",
  "https://localhost/",
  "https://localhost./",
  "https://intranet/",
  "not a url",
];

for (const attempt of ATTEMPTS) {
  Deno.test(`${attempt} is refused without a connection`, async () => {
    const { fetch, sent } = publicFetch(ok, {
      resolve: (host) => Promise.resolve(DNS[host] ?? [PUBLIC]),
    });
    await assert.rejects(
      fetch(attempt),
      (error) => isAppError(error, "UPSTREAM_FAILED"),
    );
    assert.equal(sent.length, 0);
  });

  Deno.test(`a redirect to ${attempt} is refused`, async () => {
    const location = attempt === "not a url" ? "https://" : attempt;
    const { fetch, sent } = publicFetch(
      () => new Response(null, { status: 302, headers: { location } }),
      { resolve: (host) => Promise.resolve(DNS[host] ?? [PUBLIC]) },
    );
    await assert.rejects(
      fetch("https://good.example/"),
      (error) => isAppError(error, "UPSTREAM_FAILED"),
    );
    assert.equal(sent.length, 1);
  });
}

Deno.test("a refusal names the host and says why", async () => {
  const { fetch } = publicFetch(ok, {
    resolve: () => Promise.resolve(["10.0.0.1"]),
  });
  await assert.rejects(fetch("https://pds.example/secret?token=1"), (error) => {
    assert(isAppError(error));
    assert.equal(fetchFailure(error), "refused");
    assert.match(error.message, /pds\.example/);
    assert.doesNotMatch(error.message, /10\.0\.0\.1|token/);
    return true;
  });
});

Deno.test("only public addresses of a host are handed to the connection", async () => {
  const { fetch, sent } = publicFetch(ok, {
    resolve: () => Promise.resolve(["10.0.0.1", PUBLIC, "::1"]),
  });
  await (await fetch("https://mixed.example/")).text();
  assert.deepEqual(sent[0]?.addresses, [PUBLIC]);
});

Deno.test("a name that changes its address after the check is not followed", async () => {
  let asked = 0;
  const { fetch, sent } = publicFetch(ok, {
    resolve: () => Promise.resolve([asked++ === 0 ? PUBLIC : "127.0.0.1"]),
  });
  await (await fetch("https://rebind.example/")).text();
  assert.equal(asked, 1);
  assert.deepEqual(sent[0]?.addresses, [PUBLIC]);
});

Deno.test("every hop of a redirect is resolved and pinned again", async () => {
  const hosts: string[] = [];
  const { fetch, sent } = publicFetch(
    ({ url }) =>
      url.hostname === "a.example"
        ? Response.redirect("https://b.example/x", 302)
        : ok(),
    {
      resolve: (host) => {
        hosts.push(host);
        return Promise.resolve([host === "a.example" ? PUBLIC : "1.1.1.1"]);
      },
    },
  );
  assert.equal(await (await fetch("https://a.example/")).text(), "ok");
  assert.deepEqual(hosts, ["a.example", "b.example"]);
  assert.deepEqual(sent.map((s) => s.addresses), [[PUBLIC], ["1.1.1.1"]]);
});

Deno.test("the sixth redirect is refused", async () => {
  let hops = 0;
  const { fetch } = publicFetch(() =>
    Response.redirect(`https://a.example/${++hops}`, 302)
  );
  await assert.rejects(fetch("https://a.example/"), /more than 5 times/);
  assert.equal(hops, 6);
});

Deno.test("credentials stay at the origin they were meant for", async () => {
  const { fetch, sent } = publicFetch(({ url }) =>
    url.hostname === "a.example"
      ? Response.redirect("https://b.example/", 307)
      : ok()
  );
  const headers = {
    authorization: "Bearer x",
    cookie: "c=1",
    dpop: "p",
    "x-other": "1",
  };
  await (await fetch("https://a.example/", { headers })).text();
  const last = sent[1]?.headers;
  assert.equal(last?.get("authorization"), null);
  assert.equal(last?.get("cookie"), null);
  assert.equal(last?.get("dpop"), null);
  assert.equal(last?.get("x-other"), "1");
});

Deno.test("a write is never redirected", async () => {
  const { fetch } = publicFetch(() =>
    Response.redirect("https://b.example/", 307)
  );
  await assert.rejects(
    fetch("https://a.example/", { method: "POST", body: "x" }),
    /redirect/,
  );
});

Deno.test("with redirect manual the caller gets the redirect itself", async () => {
  const { fetch } = publicFetch(() =>
    Response.redirect("https://b.example/", 302)
  );
  const response = await fetch("https://a.example/", { redirect: "manual" });
  assert.equal(response.status, 302);
  await response.body?.cancel();
});

Deno.test("an allowed origin needs neither https nor a public address", async () => {
  const { fetch, sent } = publicFetch(ok, {
    allowedOrigins: ["http://localhost:2583"],
    resolve: () => Promise.reject(new Error("not to be asked")),
  });
  await (await fetch("http://localhost:2583/xrpc/x")).text();
  assert.equal(sent[0]?.addresses, undefined);
  await assert.rejects(fetch("http://localhost:2584/"));
  await assert.rejects(fetch("http://127.0.0.1:2583/"));
});

Deno.test("another server cannot redirect to an allowed origin", async () => {
  const { fetch, sent } = publicFetch(
    () => Response.redirect("http://localhost:2583/admin", 302),
    { allowedOrigins: ["http://localhost:2583"] },
  );
  await assert.rejects(fetch("https://evil.example/"), /localhost:2583/);
  assert.equal(sent.length, 1);
});

Deno.test("an unknown host is distinguished from a broken connection", async () => {
  const noHost = Object.assign(new Error("x"), { code: "ENOTFOUND" });
  const first = publicFetch(ok, { resolve: () => Promise.reject(noHost) });
  await assert.rejects(
    first.fetch("https://a.example/"),
    (error) => fetchFailure(error) === "no-such-host",
  );
  const reset = Object.assign(new Error("x"), { code: "ECONNRESET" });
  const second = publicFetch(() => Promise.reject(reset));
  await assert.rejects(second.fetch("https://a.example/"), (error) => {
    assert.equal(fetchFailure(error), "connection");
    assert.equal(error instanceof Error && error.cause, reset);
    return true;
  });
});

Deno.test("bodies of every kind are sent with their length and type", async () => {
  const { fetch, sent } = publicFetch(ok);
  const request = new Request("https://a.example/", {
    method: "POST",
    body: new URLSearchParams({ a: "1" }),
  });
  await (await fetch(request)).text();
  await (await fetch("https://a.example/", {
    method: "post",
    body: new Uint8Array([1, 2, 3]),
    headers: { "content-type": "image/png" },
  })).text();
  assert.equal(sent[0]?.headers.get("content-length"), "3");
  assert.match(
    sent[0]?.headers.get("content-type") ?? "",
    /x-www-form-urlencoded/,
  );
  assert.equal(sent[1]?.method, "POST");
  assert.equal(sent[1]?.headers.get("content-type"), "image/png");
  assert.equal(sent[1]?.headers.get("user-agent"), "test/1");
});
