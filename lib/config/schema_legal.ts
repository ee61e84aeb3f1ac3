/**
 * Settings of the pages on terms and privacy.
 *
 * @module
 */

import { anyText } from "./kinds.ts";
import { section, setting } from "./setting.ts";

/** The section `legal`. */
export const legalSettings = section("The pages on terms and privacy.", {
  company_name: setting(anyText(), {
    doc: "Who runs this server, as the pages name them.",
    otherwise: "server.client_name",
  }),
  jurisdiction: setting(anyText(), {
    doc: "Whose law applies, for example Germany.",
    otherwise: "the pages name none",
  }),
  contact: setting(anyText(), {
    doc: "Where people write to: a mail address or a URL.",
    otherwise: "the pages name none",
  }),
  terms: setting(anyText(), {
    doc: "Text of /terms in Markdown, in place of the one that is there.",
    otherwise: "a short text",
  }),
  privacy: setting(anyText(), {
    doc: "Text of /privacy in Markdown, in place of the one that is there.",
    otherwise: "what this program stores",
  }),
});
