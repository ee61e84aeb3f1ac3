// Nothing of this package is called here; see ../../../README.md.
export class KmsKeypair {}
export class S3BlobStore {}
