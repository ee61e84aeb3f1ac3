/**
 * What belongs to an image: signatures, bills of materials and the like.
 *
 * @module
 */

import { artifactKind } from "../../../lib/index/cards/artifact_kind.ts";
import type { Digest } from "../../../lib/oci/digest.ts";
import {
  isAttestation,
  platformName,
} from "../../../lib/registry/browse/image_summary.ts";
import type { ImageView } from "../../../lib/registry/browse/image_view.ts";
import { kindName } from "../parts/artifact.ts";
import { Breakable } from "../parts/breakable.tsx";
import { ShortDigest } from "../parts/digest.tsx";
import { Age } from "../parts/format.tsx";
import { Panel } from "../parts/panel.tsx";
import { digestUrl, type RepositoryAddress } from "../urls.ts";

/** Entries that are listed. */
const MAX_LISTED = 100;

interface Attachment {
  readonly name: string;
  readonly detail: string;
  readonly digest: Digest;
  /** Milliseconds since the Unix epoch. */
  readonly at?: number;
}

/** The panel; nothing where nothing is attached. */
export function Attached(
  { repository, view, now }: {
    repository: RepositoryAddress;
    view: ImageView;
    now: number;
  },
) {
  const all = [...referrersOf(view), ...childrenOf(view)].slice(0, MAX_LISTED);
  if (all.length === 0) return null;
  return (
    <Panel
      id="attached"
      title="Attached"
      level={3}
      note="signatures, attestations and the like"
    >
      <table class="cards attached">
        <thead class="hidden">
          <tr>
            <th scope="col">Kind</th>
            <th scope="col">Digest</th>
            <th scope="col">Created</th>
          </tr>
        </thead>
        <tbody>
          {all.map(({ name, detail, digest, at }, i) => (
            <tr key={i}>
              <td class="name">
                {name}
                <br />
                <small class="mono">
                  <Breakable text={detail} />
                </small>
              </td>
              <td>
                <a class="quiet" href={digestUrl(repository, digest)}>
                  <ShortDigest digest={digest} />
                </a>
              </td>
              <td class="num small soft">
                {at !== undefined && <Age at={at} now={now} />}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

function referrersOf({ referrers }: ImageView): Attachment[] {
  return referrers.map(({ digest, artifactType, mediaType, annotations }) => {
    const at = Date.parse(
      annotations?.["org.opencontainers.image.created"] ??
        "",
    );
    const detail = artifactType ?? mediaType;
    return {
      name: kindName(artifactKind([detail])),
      ...{ detail, digest },
      ...(Number.isNaN(at) ? {} : { at }),
    };
  });
}

/** Attestations and other entries of an index. */
function childrenOf({ summary }: ImageView): Attachment[] {
  const { manifest, platforms, others } = summary;
  const attestations = manifest.manifests.filter(isAttestation)
    .map(({ digest, annotations }) => {
      const subject = annotations?.["vnd.docker.reference.digest"];
      const image = platforms.find((one) => one.digest === subject);
      const detail = image ? `for ${image.name}` : "of this index";
      return { name: kindName("attestation"), detail, digest };
    });
  return [
    ...attestations,
    ...others.map(({ digest, mediaType, artifactType, platform }) => ({
      name: platform ? platformName(platform) : "Entry of the index",
      detail: artifactType ?? mediaType,
      digest,
    })),
  ];
}
