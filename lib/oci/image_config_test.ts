import assert from "node:assert/strict";
import type { Descriptor } from "./descriptor.ts";
import { buildSteps, readImageConfig } from "./image_config.ts";

const layer = (name: string): Descriptor => ({
  mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
  digest: `sha256:${name.repeat(64)}`,
  size: 1,
});

Deno.test("layers have the instructions of the Dockerfile, whichever builder wrote them", () => {
  const written = [
    ["/bin/sh -c #(nop) ADD file:abc in / ", "ADD file:abc in /"],
    ["/bin/sh -c apt-get update", "RUN apt-get update"],
    ["RUN /bin/sh -c make all # buildkit", "RUN make all"],
    ["|1 A=b /bin/sh -c echo $A", "RUN echo $A"],
    ["RUN |1 A=b /bin/sh -c echo $A # buildkit", "RUN echo $A"],
    ["COPY /src /srv # buildkit", "COPY /src /srv"],
  ];
  const history = written.map(([created_by]) => ({ created_by }));
  const layers = [..."abcdef"].map(layer);
  assert.deepEqual(
    buildSteps(layers, readImageConfig({ history })),
    written.map(([, instruction], i) => ({ instruction, layer: layers[i] })),
  );
});

Deno.test("steps without a layer keep their place, and a history that does not fit is left out", () => {
  const history = [
    { created_by: "COPY a /" },
    { created_by: 'CMD ["a"]', empty_layer: true },
    { created_by: "COPY b /" },
  ];
  const [a, b] = [layer("a"), layer("b")];
  const config = readImageConfig({ history });
  assert.deepEqual(buildSteps([a, b], config), [
    { instruction: "COPY a /", layer: a },
    { instruction: 'CMD ["a"]', layer: undefined },
    { instruction: "COPY b /", layer: b },
  ]);
  assert.deepEqual(buildSteps([a], config), [
    { instruction: undefined, layer: a },
  ]);
});

Deno.test("what is wrong in a configuration is left out, and the rest is read", () => {
  const config = readImageConfig({
    os: "linux",
    architecture: 7,
    config: { Env: "PATH", User: "app", Labels: { a: 1 } },
    history: null,
  });
  assert.equal(config?.os, "linux");
  assert.equal(config?.architecture, undefined);
  assert.equal(config?.config?.User, "app");
  assert.equal(config?.config?.Env, undefined);
  assert.equal(readImageConfig([]), undefined);
  assert.equal(readImageConfig("text"), undefined);
});
