/**
 * The layers of an image as a bar: widths are shares of the size, colours come
 * from digests, so that equal layers look equal on every page.
 *
 * @module
 */

import type { Descriptor } from "../../../lib/oci/descriptor.ts";
import { type Digest, digestParts } from "../../../lib/oci/digest.ts";
import { countOf, sizeText } from "./format.tsx";

/** Width of the drawing in its own units. */
const WIDTH = 1_000;
const GAP = 2;
const HEIGHT = 20;

/** Narrowest layer, about three pixels. */
const NARROWEST = 8;

/** Layers that are drawn one by one; the smallest others are one block. */
const MAX_DRAWN = 40;

/** The colour of a layer. */
function colourOf(digest: Digest): string {
  const { hex } = digestParts(digest);
  const hue = Number.parseInt(hex.slice(0, 4), 16) % 360;
  const light = 60 + Number.parseInt(hex.slice(4, 6), 16) % 12;
  return `oklch(${light}% 0.115 ${hue})`;
}

/** The bar; nothing where there are no layers. */
export function LayerBar(
  { layers, isTall = false }: {
    layers: readonly Descriptor[];
    isTall?: boolean;
  },
) {
  if (layers.length === 0) return null;
  const total = layers.reduce((sum, { size }) => sum + size, 0);
  return (
    <svg
      class={isTall ? "layers tall" : "layers"}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`${countOf(layers.length, "layer")}, ${sizeText(total)}`}
    >
      {blocksOf(layers).map(({ x, width, fill, title }) => (
        <rect key={x} x={x} width={width} height={HEIGHT} fill={fill}>
          <title>{title}</title>
        </rect>
      ))}
    </svg>
  );
}

/** The colour of a layer beside its name. */
export function Swatch({ digest }: { digest: Digest }) {
  return (
    <svg class="swatch" viewBox="0 0 1 1" aria-hidden="true">
      <rect width="1" height="1" fill={colourOf(digest)} />
    </svg>
  );
}

interface Block {
  readonly x: number;
  readonly width: number;
  readonly fill: string;
  readonly title: string;
}

function blocksOf(layers: readonly Descriptor[]): Block[] {
  const largest = new Set(
    layers.toSorted((a, b) => b.size - a.size).slice(0, MAX_DRAWN),
  );
  const drawn = layers.filter((layer) => largest.has(layer));
  const rest = layers.filter((layer) => !largest.has(layer));
  const parts = drawn.map(({ digest, size }) => ({
    size,
    fill: colourOf(digest),
    title: `${sizeText(size)}, ${digest.slice(0, 19)}`,
  }));
  if (rest.length > 0) {
    const size = rest.reduce((sum, layer) => sum + layer.size, 0);
    const title = `${countOf(rest.length, "smaller layer")}, ${sizeText(size)}`;
    parts.push({ size, fill: "gray", title });
  }
  const total = parts.reduce((sum, { size }) => sum + size, 0) || 1;
  const room = WIDTH - GAP * (parts.length - 1);
  const widths = parts.map(({ size }) =>
    Math.max(NARROWEST, room * size / total)
  );
  const scale = room / widths.reduce((sum, width) => sum + width, 0);
  let x = 0;
  return parts.map(({ fill, title }, i) => {
    const width = (widths[i] ?? 0) * scale;
    const block = { x: rounded(x), width: rounded(width), fill, title };
    x += width + GAP;
    return block;
  });
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
