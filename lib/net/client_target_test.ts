import assert from "node:assert/strict";
import { isAppError } from "../errors.ts";
import { clientTarget, type TargetRules } from "./client_target.ts";

const HOLD = "https://hold.example.com";
const OPEN: TargetRules = {
  plain: false,
  plainOrigins: [],
  ownOrigins: ["https://registry.example.com"],
};
const TEST: TargetRules = {
  plain: true,
  plainOrigins: ["http://10.0.0.5:9000"],
  ownOrigins: ["http://localhost:5000"],
};

const passed = (text: string, rules: TargetRules) => {
  try {
    return clientTarget(text, HOLD, "The hold", rules).href;
  } catch (error) {
    assert.ok(isAppError(error, "UPSTREAM_FAILED"));
    return undefined;
  }
};

Deno.test("URLs of public servers are accepted, relative ones resolved against the hold", () => {
  assert.equal(
    passed("https://s3.example.com:9000/b?X-Amz-Signature=1", OPEN),
    "https://s3.example.com:9000/b?X-Amz-Signature=1",
  );
  assert.equal(passed("/blob", OPEN), `${HOLD}/blob`);
  assert.equal(
    passed("https://93.184.216.34/b", OPEN),
    "https://93.184.216.34/b",
  );
});

Deno.test("other schemes, private networks, credentials and our own paths are refused", () => {
  const refused = [
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///etc/passwd",
    "ftp://s3.example.com/b",
    "http://s3.example.com/b",
    "https://user:password@s3.example.com/b",
    "https://169.254.169.254/latest/meta-data",
    "https://[::ffff:a9fe:a9fe]/latest",
    "https://2852039166/latest",
    "https://0xa9.0xfe.0xa9.0xfe/latest",
    "https://10.1.2.3/",
    "https://192.168.0.1/",
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://[fd00::1]/",
    "https://localhost/",
    "https://a.localhost/",
    "https://printer.local/",
    "https://metadata.google.internal/",
    "https://metadata.google.internal./",
    "https://intranet/",
    "https://registry.example.com/auth/logout",
    "//registry.example.com/settings",
    "https://REGISTRY.example.com:443/settings",
    `https://s3.example.com/${"a".repeat(9_000)}`,
    "https://",
  ];
  for (const text of refused) assert.equal(passed(text, OPEN), undefined, text);
});

Deno.test("test mode additionally allows only http and localhost", () => {
  const fine = [
    "http://127.0.0.1:9000/b",
    "http://localhost:5001/b",
    "http://minio:9000/b",
    "http://10.0.0.5:9000/b",
    "https://s3.example.com/b",
  ];
  for (const text of fine) assert.equal(passed(text, TEST), text);
  const refused = [
    "javascript:alert(1)",
    "http://169.254.169.254/latest",
    "http://10.0.0.6:9000/b",
    "http://localhost:5000/auth/logout",
    "http://127.0.0.1:5000/auth/logout",
    "http://[::1]:5000/auth/logout",
  ];
  for (const text of refused) assert.equal(passed(text, TEST), undefined, text);
});
