/**
 * Rules of accessibility, checked by axe in a browser.
 *
 * @module
 */

import axe from "axe-core";
import type { Page } from "playwright-core";
import { z } from "zod";

const axeResult = z.object({
  violations: z.array(z.object({
    id: z.string(),
    nodes: z.array(z.object({ html: z.string() })),
  })),
});

/** What breaks a rule on the page that is open (WCAG 2.2 A and AA, best practice): the rule, and the first element. */
export async function violationsOn(page: Page): Promise<string[]> {
  // Runs beside the content security policy.
  await page.evaluate(axe.source);
  const result = await page.evaluate(`axe.run({ runOnly: [
    "wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice",
  ] })`);
  return axeResult.parse(result).violations
    .map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
}
