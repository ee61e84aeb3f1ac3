/**
 * Settings of the storage.
 *
 * @module
 */

import { anyText, choice, endpoint, flagOrAuto, host } from "./kinds.ts";
import { section, setting } from "./setting.ts";

/** Settings of an S3 bucket; `inherited` completes the description of a missing value. */
export function bucketSettings(inherited?: string) {
  const otherwise = (fallback: string) => inherited ?? fallback;
  return {
    bucket: setting(anyText(), {
      doc: "Name of the bucket; it must exist.",
      otherwise: inherited === undefined
        ? "required with the s3 driver"
        : "avatars are kept where the hold's blobs are",
    }),
    region: setting(anyText(), {
      doc: "Region of the bucket; auto for Tigris and R2.",
      otherwise: otherwise("us-east-1"),
    }),
    endpoint: setting(endpoint(), {
      doc: "Address of an S3 server other than AWS.",
      otherwise: otherwise("AWS"),
    }),
    public_endpoint: setting(endpoint(), {
      doc: "Address of the S3 server for clients, where it differs from the " +
        "one this server uses.",
      otherwise: otherwise("the endpoint"),
    }),
    access_key_id: setting(anyText(), {
      doc: "Access key.",
      otherwise: otherwise("what the AWS SDK finds by itself"),
    }),
    secret_access_key: setting(anyText(), {
      doc: "Secret of the access key.",
      otherwise: otherwise("what the AWS SDK finds by itself"),
      secret: true,
    }),
    session_token: setting(anyText(), {
      doc: "Session token of temporary credentials.",
      otherwise: otherwise("none"),
      secret: true,
    }),
    force_path_style: setting(flagOrAuto(), {
      doc: "Whether the bucket stands in the path, not in the host name. " +
        "auto: with every endpoint but those of AWS and Tigris.",
      default: "auto",
    }),
    part_copy: setting(flagOrAuto(), {
      doc: "Whether the server copies objects above 1 GiB in parts " +
        "(UploadPartCopy). auto: all but Google Cloud Storage, which copies " +
        "them whole.",
      default: "auto",
    }),
  };
}

/** The section `storage`. */
export const storageSettings = section("Where blobs are kept.", {
  driver: setting(choice("filesystem", "s3", "memory"), {
    doc: "Kind of storage; memory keeps nothing after the process.",
    otherwise: "s3 when storage.s3.bucket is given, else filesystem",
  }),
  root_dir: setting(anyText(), {
    doc: "Folder of the filesystem driver.",
    otherwise: "blobs in data_dir",
  }),
  prefix: setting(anyText(), {
    doc: "Where the blobs stand in the bucket or folder; the default is that " +
      "of distribution, whose storage can be adopted.",
    default: "docker/registry/v2",
  }),
  s3: section("An S3 bucket.", {
    ...bucketSettings(),
    cdn_host: setting(host(), {
      doc: "Host of a content delivery network in front of the bucket; " +
        "stands in for the bucket's host in signed addresses.",
    }),
  }),
});
