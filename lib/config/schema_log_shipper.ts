/**
 * Settings of the shipping of logs.
 *
 * @module
 */

import { anyText, choice, integer, seconds, url } from "./kinds.ts";
import { section, setting } from "./setting.ts";

/** The section `log_shipper`. */
export const logShipperSettings = section(
  "Sends log lines to a log service, in addition to standard error. In " +
    "containers a collector does this better; it is for single machines.",
  {
    backend: setting(choice("victoria", "opensearch", "loki"), {
      doc: "The kind of the service: VictoriaLogs, OpenSearch or Loki.",
      otherwise: "nothing is sent",
    }),
    url: setting(url(), {
      doc: "Address of the service; without a path that of its kind is used.",
      otherwise: "required with log_shipper.backend",
    }),
    batch_size: setting(integer(1, 5000), {
      doc: "Lines that are sent at once.",
      default: 100,
    }),
    flush_interval: setting(seconds(1, 3600), {
      doc: "Seconds after which fewer lines are sent.",
      default: 5,
    }),
    username: setting(anyText(), {
      doc: "Name for basic authentication.",
      otherwise: "none",
    }),
    password: setting(anyText(), {
      doc: "Password for basic authentication.",
      otherwise: "none",
      secret: true,
    }),
  },
);
