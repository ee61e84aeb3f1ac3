/**
 * What people call the browser of a session.
 *
 * @module
 */

import { foreignText } from "../../../lib/text.ts";

/** Browsers by what only they say, the most particular first. */
const BROWSERS = [
  [/\bEdg(?:A|iOS)?\//, "Edge"],
  [/\bOPR\//, "Opera"],
  [/\bVivaldi\//, "Vivaldi"],
  [/\bSamsungBrowser\//, "Samsung Internet"],
  [/\b(?:Firefox|FxiOS)\//, "Firefox"],
  [/\b(?:Chrome|CriOS|Chromium|HeadlessChrome)\//, "Chrome"],
  [/\bSafari\//, "Safari"],
  [/^curl\//, "curl"],
] as const;

const SYSTEMS = [
  [/\b(?:iPhone|iPod)\b/, "iPhone"],
  [/\biPad\b/, "iPad"],
  [/\bAndroid\b/, "Android"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bWindows\b/, "Windows"],
  [/\bMac OS X\b|\bMacintosh\b/, "macOS"],
  [/\bLinux\b|\bX11\b/, "Linux"],
] as const;

/** Longest name made of a header that says nothing known. */
const LONGEST = 40;

/** "Firefox on Linux" for a header `User-Agent`; the beginning of the header where it is not known. */
export function browserName(agent: string): string {
  const find = (
    names: typeof BROWSERS | typeof SYSTEMS,
  ): string | undefined => names.find(([pattern]) => pattern.test(agent))?.[1];
  const browser = find(BROWSERS);
  const system = find(SYSTEMS);
  if (browser !== undefined && system !== undefined) {
    return `${browser} on ${system}`;
  }
  if (browser !== undefined) return browser;
  if (system !== undefined) return `A browser on ${system}`;
  const [first = ""] = foreignText(agent).split(/[\s/]/);
  return first === "" ? "Unknown browser" : first.slice(0, LONGEST);
}
