/**
 * Settings of the program as a whole.
 *
 * @module
 */

import {
  anyText,
  choice,
  flag,
  holdDid,
  host,
  integer,
  list,
  listenAddress,
  origin,
} from "./kinds.ts";
import { section, setting } from "./setting.ts";

/** The section `server`. */
export const serverSettings = section("The program as a whole.", {
  addr: setting(listenAddress(), {
    doc: "Where to listen. Without a host: every address of the machine, " +
      "with the sandbox only 127.0.0.1.",
    otherwise: ":5000; where only hold.public_url is given, as the original " +
      "hold: the port of a loopback address, else :8080; :8080 with the " +
      "environment of the original avatar service alone (BUCKET_NAME)",
  }),
  base_url: setting(origin(), {
    doc: "The address under which everybody reaches this server; https " +
      "except on the machine itself and in test mode.",
    otherwise: "http://localhost and the port of server.addr; " +
      "hold.public_url where no registry runs",
  }),
  roles: setting(list(choice("registry", "hold", "avatar")), {
    doc: "What runs in this process.",
    otherwise: "[registry, hold, avatar]; the hold alone where " +
      "hold.public_url is a public address and server.base_url is not " +
      "given; avatar alone with BUCKET_NAME and nothing of the others",
  }),
  default_hold_did: setting(holdDid(), {
    doc: "Where images of people go who have not chosen a hold.",
    otherwise: "the hold of this process",
  }),
  read_only: setting(flag(), {
    doc:
      "Clients may pull and sign in, and nothing can be pushed, deleted or " +
      "changed; for maintenance. The command read-only switches it without a " +
      "restart.",
    default: false,
  }),
  test_mode: setting(flag(), {
    doc: "Takes plain http between services. Not for production.",
    default: false,
  }),
  registry_domains: setting(list(host()), {
    doc: "Hosts under which images are named, the first one in commands.",
    otherwise: "the host of server.base_url",
  }),
  client_name: setting(anyText(), {
    doc: "How this server calls itself on pages and when people sign in.",
    default: "ATCR",
  }),
  trust_proxy: setting(flag(), {
    doc: "Whether a proxy stands in front that writes the client's address " +
      "to X-Forwarded-For, for limits by address and for lists of sessions. " +
      "To be set with a public https address: without it everyone behind " +
      "the proxy counts as one client. Where server.base_url is not set, the " +
      "proxy also says under which address clients reach it (Forwarded, " +
      "X-Forwarded-Host, X-Forwarded-Proto).",
    default: false,
  }),
  max_connections: setting(integer(0, 1_000_000), {
    doc: "Concurrent connections. 0: half of the file descriptors that " +
      "the process may open, at most 4096; 480 where it may not read how many.",
    default: 0,
  }),
  max_connections_per_address: setting(integer(0, 1_000_000), {
    doc: "Connections from one IPv4 address or IPv6 /64 network; the machine " +
      "itself is not limited, nor is anybody with trust_proxy. 0: a quarter " +
      "of max_connections, at most 256.",
    default: 0,
  }),
  head_timeout_seconds: setting(integer(1, 600), {
    doc: "How long a client may take to send the head of a request.",
    default: 30,
  }),
  idle_timeout_seconds: setting(integer(1, 3600), {
    doc: "A connection is closed when its request body or response does not " +
      "move for this time. Slow transfers that move may take hours.",
    default: 50,
  }),
  keep_alive_seconds: setting(integer(1, 3600), {
    doc: "How long a connection stays open between requests. Must be longer " +
      "than a proxy in front keeps its idle connections (nginx: 60).",
    default: 75,
  }),
  shutdown_timeout_seconds: setting(integer(0, 3600), {
    doc: "How long requests may go on after the signal to stop.",
    default: 30,
  }),
});
