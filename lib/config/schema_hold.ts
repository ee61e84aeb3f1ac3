/**
 * Settings of the hold.
 *
 * @module
 */

import { z } from "zod";
import {
  anyText,
  bytes,
  choice,
  did,
  flag,
  handleOrDid,
  host,
  integer,
  list,
  map,
  origin,
  url,
} from "./kinds.ts";
import { section, setting } from "./setting.ts";

const tier = z.strictObject({ quota: bytes().schema });

/** The section `hold`. */
export const holdSettings = section(
  "The hold: blob storage with its own identity.",
  {
    public_url: setting(origin(), {
      doc: "The hold's address; its host is the hold's did:web.",
      otherwise: "server.base_url",
    }),
    public: setting(flag(), {
      doc: "Whether blobs are public: pulls need no sign-in.",
      otherwise: "true with the sandbox, else false",
    }),
    owner: setting(handleOrDid(), {
      doc: "The captain: handle or DID of the owner of the hold.",
      otherwise: "alice.test with the sandbox, else nobody",
    }),
    allow_all_crew: setting(flag(), {
      doc: "Whether every signed-in account may push.",
      otherwise: "true with the sandbox, else false",
    }),
    did_method: setting(choice("web", "plc"), {
      doc: "Kind of identity made on first start.",
      otherwise: "that of hold.did, else web",
    }),
    did: setting(did(), {
      doc: "The hold's identity, where it exists already.",
      otherwise: "did:web of hold.public_url, or a new did:plc",
    }),
    enable_bluesky_posts: setting(flag(), {
      doc: "Whether the hold posts on Bluesky what is pushed.",
      default: false,
    }),
    layer_records: setting(flag(), {
      doc: "Whether the hold writes a record for each layer of a pushed " +
        "image. Without them quotas, deletion and garbage collection work " +
        "all the same, but nobody else can see what the hold keeps; an image " +
        "of 200 layers or more has records for the further ones.",
      default: true,
    }),
    post_hashtags: setting(integer(0, 5), {
      doc: "Hashtags made of the repository's name in each post.",
      default: 2,
    }),
    profile_avatar_url: setting(url(), {
      doc: "Picture of the hold's Bluesky profile.",
    }),
    region: setting(anyText(), {
      doc: "Location of the hold, for display.",
    }),
    successor: setting(did(), {
      doc: "The hold that replaces this one.",
    }),
    max_blob_bytes: setting(bytes(), {
      doc: "Larger blobs are refused.",
      default: 107_374_182_400,
    }),
    upload_ttl_hours: setting(integer(1, 720), {
      doc: "An upload without progress for this time is deleted.",
      otherwise: "registry.upload_ttl_hours",
    }),
    presigned_urls: setting(flag(), {
      doc: "Whether clients reach the storage directly by signed addresses, " +
        "where the storage can sign.",
      default: true,
    }),
    firehose_retention_hours: setting(integer(1, 8760), {
      doc: "How far back consumers of the hold's firehose may resume.",
      default: 72,
    }),
    firehose_max_consumers: setting(integer(1, 100_000), {
      doc: "Concurrent consumers of the hold's firehose.",
      default: 1_000,
    }),
    firehose_per_address: setting(integer(1, 100_000), {
      doc: "Consumers of the firehose from one IPv4 address or IPv6 /64 " +
        "network. The machine itself and a trusted proxy are not counted; " +
        "with server.trust_proxy the address is that of X-Forwarded-For.",
      default: 20,
    }),
    relays: setting(list(host()), {
      doc: "Relays that are asked to crawl the hold.",
      default: [],
    }),
    trusted_registries: setting(list(did()), {
      doc: "DIDs of registries that may set the quota tiers of the crew.",
      default: [],
    }),
    gc: section("Removal of blobs nothing refers to.", {
      enabled: setting(flag(), {
        doc: "Whether it runs every night.",
        default: false,
      }),
      grace_hours: setting(integer(1, 8760), {
        doc: "Blobs younger than this stay.",
        default: 24,
      }),
    }),
    quota: section("Storage quotas of accounts.", {
      tiers: setting(map(tier, "{deckhand: {quota: 5GB}}"), {
        doc: "Tiers by name, each with its quota.",
        default: {},
      }),
      default_tier: setting(anyText(), {
        doc: "Default tier.",
        otherwise: "no limit",
      }),
    }),
  },
);
