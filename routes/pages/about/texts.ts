/**
 * The texts of the pages on terms, privacy and accessibility, in Markdown.
 *
 * @module
 */

import {
  ACCOUNT_GROUPS,
  KEPT_ROWS,
} from "../../../lib/registry/account/account_groups.ts";

/** Who runs this server, and by what law. */
export interface Operator {
  readonly name: string;
  /** Name of the service. */
  readonly service: string;
  readonly jurisdiction: string | undefined;
  readonly contact: string | undefined;
}

/** What an operator writes about the law; what is absent has a text of its own. */
export interface LegalTexts {
  readonly company_name?: string | undefined;
  readonly jurisdiction?: string | undefined;
  readonly contact?: string | undefined;
  /** Markdown, as the one below. */
  readonly terms?: string | undefined;
  readonly privacy?: string | undefined;
}

/** The operator of `service`; names are text, whatever is in them. */
export function operatorOf(service: string, legal: LegalTexts): Operator {
  return {
    service: plain(service),
    name: plain(legal.company_name ?? service),
    jurisdiction: legal.jurisdiction && plain(legal.jurisdiction),
    contact: legal.contact,
  };
}

/** Text of `/terms` where the operator has written none. */
export function termsText(
  { name, service, jurisdiction, contact }: Operator,
): string {
  return `
${service} is run by ${name}. Using it means
that you agree to this.

# What you may do

Push and pull container images and other OCI artifacts, for any purpose that is
lawful. Names of images belong to the account in them.

# What you may not do

- store what you have no right to distribute, or what harms others,
- attack this service, other accounts or other servers with it,
- get around limits and quotas.

Images and accounts that break these rules may be hidden or removed.

# Your content

Manifests and tags are signed records in your own AT Protocol repo. Layers lie
in the hold that you choose; another operator may run it, by terms of its own.
You keep all rights to what you push, and allow this service to store it and to
deliver it to those who may read it.

# No warranty

The service is provided as it is. Keep copies of what matters to you.
${
    jurisdiction === undefined
      ? ""
      : `\n# Law\n\nThe law of ${jurisdiction} applies.\n`
  }${contactText(contact)}`;
}

/** Text of `/privacy` where the operator has written none. */
export function privacyText({ name, service, contact }: Operator): string {
  return `
${service} is run by ${name}. This is what it stores about people.

# What is public by design

Images, tags, stars and descriptions are public records in the repos of their
owners, and any server may copy them. This one keeps an index of them. A record
that its owner deletes leaves the index.

# What is kept about an account

${items(ACCOUNT_GROUPS.map(({ text }) => text))}

Your password is never typed here.

# Cookies

One for the session, one during a sign-in, one with the handles that have
signed in from this browser, and those that keep theme, client and shortcuts.
None of them follows you elsewhere, and no other company gets any.

# Logs

Requests are logged with their path and outcome. Addresses are used to limit
abuse.

# Your rights

On [your data](/settings/data) you download everything that this server and
your holds keep about you, or have it deleted. What is public in your own repo
is indexed again when it is used here. What stays:

${items(KEPT_ROWS.map(({ because }) => because))}
${contactText(contact)}`;
}

/** Text of `/accessibility`. */
export function accessibilityText({ service, contact }: Operator): string {
  return `
The pages of ${service} aim at WCAG 2.2, level AA.

# What is done for it

- Every page works without scripts, by keyboard alone, and with a screen
  reader's headings, landmarks and tables.
- Light, dark and high contrast follow your system; the theme can be chosen at
  the foot of every page.
- Text can be enlarged to 400 % without scrolling sideways, except for code and
  wide tables.
- Colour never stands alone: a word is always beside it.
- Animation is left out where your system asks for that.
- Single keys that are shortcuts can be switched off in the
  [settings](/settings).

Tests with axe run on the pages in both themes, wide and narrow, before every
release.

# What is known to be missing

The pages were not tested with screen readers by their users. Descriptions of
images are written by their owners and may lack structure.
${contactText(contact)}`;
}

/** A list in Markdown. */
function items(texts: readonly string[]): string {
  return `${texts.map((text) => `- ${text}`).join(";\n")}.`;
}

function contactText(contact: string | undefined): string {
  if (contact === undefined) return "";
  const isMail = /^[^\s@]+@[^\s@]+$/.test(contact);
  const link = isMail ? `[${contact}](mailto:${contact})` : `<${contact}>`;
  return `\n# Contact\n\n${link}\n`;
}

/** A text in which Markdown finds nothing to do. */
function plain(text: string): string {
  return text.replace(/[\\`*_{}[\]<>#!|~&]/g, "\\$&");
}
