import assert from "node:assert/strict";
import { sealedWorker } from "./sealed_worker.ts";

Deno.test("a thread can neither read, write, connect, start programs nor see the environment", async () => {
  const url = new URL("./testing_worker.ts", import.meta.url);
  const worker = sealedWorker(url);
  assert.ok(worker);
  const done = await new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(event.message));
    };
  });
  worker.terminate();
  assert.deepEqual(done, []);
});
