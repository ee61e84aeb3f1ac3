/**
 * The third-party programs of the test suites, with the versions they are
 * pinned to.
 *
 * @module
 */

/** A program that comes from a Go module. */
export interface GoProgram {
  /** Name of the installed file. */
  readonly name: string;
  readonly module: string;
  readonly version: string;
  /** Import path of its main package. */
  readonly package: string;
  /** What needs it. */
  readonly use: string;
  /** Settings of the Go tool that its build asks for. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A program that comes from a crate. */
export interface CargoProgram {
  /** Name of the crate and of the installed file. */
  readonly name: string;
  readonly version: string;
  /** What needs it. */
  readonly use: string;
}

/** A program that comes from a Debian package. */
export interface DebianProgram {
  readonly name: string;
  readonly package: string;
  readonly use: string;
}

/** Built with the Go toolchain, in this order. */
export const GO_PROGRAMS: readonly GoProgram[] = [
  {
    name: "conformance",
    module: "github.com/opencontainers/distribution-spec/conformance",
    version: "v0.0.0-20260831232431-97274622c111",
    package: "github.com/opencontainers/distribution-spec/conformance",
    use: "test:conformance",
  },
  {
    name: "crane",
    module: "github.com/google/go-containerregistry",
    version: "v0.22.1",
    package: "github.com/google/go-containerregistry/cmd/crane",
    use: "test:clients",
  },
  {
    name: "regctl",
    module: "github.com/regclient/regclient",
    version: "v0.11.7",
    package: "github.com/regclient/regclient/cmd/regctl",
    use: "test:clients",
  },
  {
    name: "oras",
    module: "oras.land/oras",
    version: "v1.3.2",
    package: "oras.land/oras/cmd/oras",
    use: "test:clients",
  },
  {
    name: "helm",
    module: "helm.sh/helm/v3",
    version: "v3.22.0",
    package: "helm.sh/helm/v3/cmd/helm",
    use: "test:clients",
  },
  {
    name: "distribution",
    module: "github.com/distribution/distribution/v3",
    version: "v3.1.2",
    package: "github.com/distribution/distribution/v3/cmd/registry",
    use: "test:clients and bench, as a peer",
  },
  {
    name: "cosign",
    module: "github.com/sigstore/cosign/v2",
    version: "v2.6.5",
    package: "github.com/sigstore/cosign/v2/cmd/cosign",
    use: "test:clients",
  },
  {
    name: "ko",
    module: "github.com/google/ko",
    version: "v0.19.1",
    package: "github.com/google/ko",
    use: "test:clients",
  },
  {
    name: "crictl",
    module: "sigs.k8s.io/cri-tools",
    version: "v1.37.0",
    package: "sigs.k8s.io/cri-tools/cmd/crictl",
    use: "test:clients",
  },
  {
    name: "buildctl",
    module: "github.com/moby/buildkit",
    version: "v0.34.2",
    package: "github.com/moby/buildkit/cmd/buildctl",
    use: "test:clients",
  },
  {
    name: "buildkitd",
    module: "github.com/moby/buildkit",
    version: "v0.34.2",
    package: "github.com/moby/buildkit/cmd/buildkitd",
    use: "test:clients",
  },
  {
    name: "docker-buildx",
    module: "github.com/docker/buildx",
    version: "v0.38.2",
    package: "github.com/docker/buildx/cmd/buildx",
    use: "test:clients",
  },
  {
    name: "docker-compose",
    module: "github.com/docker/compose/v5",
    version: "v5.5.0",
    package: "github.com/docker/compose/v5/cmd",
    use: "test:clients",
  },
  {
    name: "zot",
    module: "zotregistry.dev/zot/v2",
    version: "v2.1.20",
    package: "zotregistry.dev/zot/v2/cmd/zot",
    use: "test:clients and bench, as a peer",
    env: { GOEXPERIMENT: "jsonv2" },
  },
  {
    name: "versitygw",
    module: "github.com/versity/versitygw",
    version: "v1.8.0",
    package: "github.com/versity/versitygw/cmd/versitygw",
    use: "tests of the S3 driver",
  },
  {
    name: "relay",
    module: "github.com/bluesky-social/indigo",
    version: "v0.0.0-20260605210604-af2fec94f34c",
    package: "github.com/bluesky-social/indigo/cmd/relay",
    use: "test:sync",
    env: { CGO_ENABLED: "1" },
  },
  {
    name: "goat",
    module: "github.com/bluesky-social/indigo",
    version: "v0.0.0-20250520232546-236dd575c91e",
    package: "github.com/bluesky-social/indigo/cmd/goat",
    use: "test:sync",
  },
];

/**
 * The version to which a program in Go is pinned, for one that does not say its
 * own.
 */
export function goVersion(name: string): string {
  return GO_PROGRAMS.find((program) => program.name === name)?.version ?? "?";
}

/** Built with cargo. */
export const CARGO_PROGRAMS: readonly CargoProgram[] = [
  { name: "denokv", version: "0.14.0", use: "test:remote" },
];

/** Installed with apt-get where the program is missing. */
export const DEBIAN_PROGRAMS: readonly DebianProgram[] = [
  { name: "dockerd", package: "docker.io", use: "test:clients and bench" },
  { name: "docker", package: "docker.io", use: "test:clients and bench" },
  { name: "containerd", package: "containerd", use: "test:clients" },
  { name: "ctr", package: "containerd", use: "test:clients" },
  { name: "podman", package: "podman", use: "test:clients and bench" },
  { name: "buildah", package: "buildah", use: "test:clients" },
  { name: "skopeo", package: "skopeo", use: "test:clients and bench" },
  { name: "docker-registry", package: "docker-registry", use: "bench" },
  { name: "wrk", package: "wrk", use: "bench" },
  {
    name: "vipsthumbnail",
    package: "libvips-tools",
    use: "bench:avatar, as a peer",
  },
  { name: "openssl", package: "openssl", use: "tests/deploy" },
  { name: "promtool", package: "prometheus", use: "tests/deploy" },
  { name: "nginx", package: "nginx-light", use: "tests/deploy" },
  { name: "caddy", package: "caddy", use: "tests/deploy" },
  { name: "jing", package: "jing", use: "test:api" },
  { name: "protoc", package: "protobuf-compiler", use: "building denokv" },
];
