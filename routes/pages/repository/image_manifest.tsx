/**
 * The manifest itself: annotations, and the text with links.
 *
 * @module
 */

import type { Digest } from "../../../lib/oci/digest.ts";
import type { ImageView } from "../../../lib/registry/browse/image_view.ts";
import { Breakable } from "../parts/breakable.tsx";
import { countText } from "../parts/format.tsx";
import { Json } from "../parts/json.tsx";
import { Panel } from "../parts/panel.tsx";
import { digestUrl, type RepositoryAddress } from "../urls.ts";
import { layerId } from "./image_layers.tsx";

/** Characters of a manifest that are shown. */
const MAX_TEXT = 100_000;

const MAX_ANNOTATIONS = 200;

/** Names with their values, as rows. */
export function NameValues(
  { entries }: { entries: readonly (readonly [string, string])[] },
) {
  return (
    <table class="pairs">
      <tbody>
        {entries.map(([name, value], i) => (
          <tr key={i}>
            <th scope="row">
              <Breakable text={name} />
            </th>
            <td dir="auto">{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The panel of annotations of the manifest, and of the image that is shown of it. */
export function AnnotationsPanel(
  { view: { summary, shown } }: { view: ImageView },
) {
  const all = {
    ...shown?.manifest.annotations,
    ...summary.manifest.annotations,
  };
  const entries = Object.entries(all).slice(0, MAX_ANNOTATIONS);
  if (entries.length === 0) return null;
  return (
    <Panel id="annotations" title="Annotations" level={3}>
      <NameValues entries={entries} />
    </Panel>
  );
}

/** The panel of the manifest's text, folded. */
export function ManifestPanel(
  { repository, view }: { repository: RepositoryAddress; view: ImageView },
) {
  const text = formatted(view.raw);
  return (
    <section class="panel" aria-labelledby="manifest">
      <details class="folded">
        <summary>
          <h3 id="manifest">Manifest</h3>
          <span class="small soft">
            {countText(view.info.size)} bytes of JSON
          </span>
        </summary>
        <pre
          tabIndex={0}
          aria-label="Manifest"
        ><code>{linked(text.slice(0, MAX_TEXT), repository, view)}</code></pre>
        {text.length > MAX_TEXT && (
          <p class="small soft">The rest is not shown here.</p>
        )}
      </details>
    </section>
  );
}

/** The text with a link for each digest that leads somewhere. */
function linked(
  text: string,
  repository: RepositoryAddress,
  { summary, shown }: ImageView,
) {
  const { manifest } = summary;
  const places = new Map<string, string>();
  if (shown?.manifest === manifest) {
    for (const layer of manifest.layers) {
      places.set(layer.digest, `#${layerId(layer)}`);
    }
    if (manifest.config) places.set(manifest.config.digest, "#config");
  }
  for (const { digest } of manifest.manifests) {
    places.set(digest, digestUrl(repository, digest));
  }
  const subject: Digest | undefined = manifest.subject?.digest;
  if (subject) places.set(subject, digestUrl(repository, subject));
  return <Json text={text} hrefOf={(value) => places.get(value)} />;
}

function formatted(raw: string): string {
  try {
    return JSON.stringify(JSON.parse(raw), null, 2);
  } catch {
    return raw;
  }
}
