/**
 * The layers of an image with the instructions that made them, and the files of
 * other artifacts.
 *
 * @module
 */

import type { Descriptor } from "../../../lib/oci/descriptor.ts";
import { buildSteps } from "../../../lib/oci/image_config.ts";
import type { ShownImage } from "../../../lib/registry/browse/image_view.ts";
import { Breakable } from "../parts/breakable.tsx";
import { ShortDigest } from "../parts/digest.tsx";
import { countOf, sizeText } from "../parts/format.tsx";
import { Swatch } from "../parts/layer_bar.tsx";
import { Panel } from "../parts/panel.tsx";

/** Steps that are listed. */
const MAX_STEPS = 500;

/** Longer instructions are folded. */
const MAX_INSTRUCTION = 240;

/** Id of a layer on the page, for links. */
export function layerId({ digest }: Pick<Descriptor, "digest">): string {
  return `layer-${digest.split(":")[1]?.slice(0, 12)}`;
}

/** The panel of an image's layers. */
export function LayersPanel({ shown }: { shown: ShownImage }) {
  const { manifest: { layers }, config } = shown;
  const total = layers.reduce((sum, { size }) => sum + size, 0);
  const steps = buildSteps(layers, config).slice(0, MAX_STEPS);
  const seen = new Set<string>();
  return (
    <Panel
      id="layers"
      title="Layers"
      level={3}
      note={
        <>{countOf(layers.length, "layer")}, {sizeText(total)} compressed</>
      }
    >
      <table class="steps">
        <thead class="hidden">
          <tr>
            <th scope="col">Instruction</th>
            <th scope="col">Size</th>
          </tr>
        </thead>
        <tbody>
          {steps.map(({ instruction, layer }, i) => (
            <tr key={i} {...(layer ? idOnce(layer, seen) : {})}>
              <td>
                <div class="step">
                  {layer
                    ? <Swatch digest={layer.digest} />
                    : <span class="swatch none" />}
                  {instruction === undefined
                    ? layer && <ShortDigest digest={layer.digest} />
                    : <Instruction text={instruction} />}
                </div>
              </td>
              <td class="num small">
                {layer
                  ? <span title={layer.digest}>{sizeText(layer.size)}</span>
                  : <span class="soft">no files</span>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

/** The panel of an artifact's files. */
export function FilesPanel({ shown }: { shown: ShownImage }) {
  const { layers } = shown.manifest;
  const seen = new Set<string>();
  return (
    <Panel
      id="files"
      title="Files"
      level={3}
      note={countOf(layers.length, "file")}
    >
      <table class="steps">
        <thead class="hidden">
          <tr>
            <th scope="col">File</th>
            <th scope="col">Size</th>
          </tr>
        </thead>
        <tbody>
          {layers.slice(0, MAX_STEPS).map((layer, i) => (
            <tr key={i} {...idOnce(layer, seen)}>
              <td>
                <div class="step">
                  <Swatch digest={layer.digest} />
                  <span>
                    {layer.annotations?.["org.opencontainers.image.title"] ??
                      <ShortDigest digest={layer.digest} />}
                    <br />
                    <small class="mono">
                      <Breakable text={layer.mediaType} />
                    </small>
                  </span>
                </div>
              </td>
              <td class="num small">{sizeText(layer.size)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

function Instruction({ text }: { text: string }) {
  const [, word = "", rest = ""] = /^([A-Z]{2,12})\s([\s\S]*)$/.exec(text) ??
    [undefined, "", text];
  const keyword = word === "" ? null : <b>{word}</b>;
  if (text.length <= MAX_INSTRUCTION) {
    return <code>{keyword} {rest}</code>;
  }
  return (
    <details>
      <summary>
        <code>
          {keyword} {rest.slice(0, MAX_INSTRUCTION / 2)}…
        </code>
      </summary>
      <code>{rest}</code>
    </details>
  );
}

/** The same layer may stand twice, an id may not. */
function idOnce(layer: Descriptor, seen: Set<string>): { id?: string } {
  const id = layerId(layer);
  if (seen.has(id)) return {};
  seen.add(id);
  return { id };
}
