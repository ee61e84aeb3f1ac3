/**
 * Platforms of images: one spelling of what writers spell in many ways.
 *
 * @module
 */

import type { Platform } from "./descriptor.ts";

/** Names of architectures that are known under another one: name, variant. */
const ARCHITECTURES: Readonly<
  Record<string, readonly [name: string, variant?: string]>
> = {
  "i386": ["386"],
  "i686": ["386"],
  "x86_64": ["amd64"],
  "x86-64": ["amd64"],
  "aarch64": ["arm64"],
  "armhf": ["arm", "v7"],
  "armel": ["arm", "v6"],
};

/** Variants that say nothing beyond the architecture, or the one meant without any. */
const PLAIN_VARIANTS: Readonly<Record<string, string>> = {
  amd64: "v1",
  arm64: "v8",
};

/**
 * The platform in the names of Go's `GOOS` and `GOARCH`, as image indexes
 * should have them: lower case, no aliases, a variant only where it tells
 * platforms apart.
 */
export function normalizePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase();
  const lower = platform.architecture.toLowerCase();
  const alias = Object.hasOwn(ARCHITECTURES, lower)
    ? ARCHITECTURES[lower]
    : undefined;
  const [architecture, implied] = alias ?? [lower];
  const variant = variantOf(architecture, platform.variant) ?? implied;
  const { variant: _, ...rest } = platform;
  return {
    ...rest,
    os: os === "macos" ? "darwin" : os,
    architecture,
    ...(variant === undefined ? {} : { variant }),
  };
}

function variantOf(
  architecture: string,
  written: string | undefined,
): string | undefined {
  const lower = written?.toLowerCase() || undefined;
  const variant = lower !== undefined && /^[0-9]/.test(lower)
    ? `v${lower}`
    : lower;
  return variant === PLAIN_VARIANTS[architecture] ? undefined : variant;
}

/** `os/architecture[/variant]` of the normalised platform, for example `linux/arm/v7`. */
export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = normalizePlatform(platform);
  const parts = [os || "unknown", architecture || "unknown", variant];
  return parts.filter((part) => part !== undefined).join("/");
}
