/**
 * Publicly readable buckets, for pictures.
 *
 * @module
 */

import { S3 } from "@aws-sdk/client-s3";
import type { S3Server } from "./kinds.ts";

/** Makes `bucket` on `server`, open to readers. */
export async function makePublicBucket(
  server: Pick<S3Server, "endpoint" | "accessKey" | "secretKey">,
  bucket: string,
): Promise<void> {
  const s3 = new S3({
    endpoint: server.endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: {
      accessKeyId: server.accessKey,
      secretAccessKey: server.secretKey,
    },
  });
  await s3.createBucket({ Bucket: bucket });
  await s3.putBucketPolicy({
    Bucket: bucket,
    Policy: JSON.stringify({
      Version: "2012-10-17",
      Statement: [{
        Effect: "Allow",
        Principal: "*",
        Action: "s3:GetObject",
        Resource: `arn:aws:s3:::${bucket}/*`,
      }],
    }),
  });
  s3.destroy();
}
