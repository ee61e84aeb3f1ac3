/**
 * Writes the plain manifests from the chart: `deno task manifests`.
 *
 * @module
 */

import { findProgram, ROOT } from "../tools/paths.ts";
import { run } from "../support/tool.ts";

const helm = await findProgram("helm");
if (helm === undefined) throw new Error("Install helm: deno task tools helm");
const { code, said, out } = await run(helm, [
  ...["template", "atcr", `${ROOT}deploy/helm/atcr`],
  ...["--kube-version", "1.31.0"],
  ...["-f", `${ROOT}deploy/kubernetes/values.yaml`],
]);
if (code !== 0) throw new Error(said);
const head =
  "# Made by deno task manifests from deploy/helm/atcr and values.yaml.\n" +
  "# Create the secret atcr first: deploy/README.md.\n";
await Deno.writeTextFile(`${ROOT}deploy/kubernetes/atcr.yaml`, head + out);
