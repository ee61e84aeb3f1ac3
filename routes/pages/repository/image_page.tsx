/**
 * The page of an image, or of another artifact.
 *
 * @module
 */

import { PullBox } from "../../../islands/pull_box.tsx";
import type { Reference } from "../../../lib/oci/name.ts";
import type { ImageView } from "../../../lib/registry/browse/image_view.ts";
import { renderPage, type Visitor } from "../document.tsx";
import { Island } from "../frame/island.tsx";
import { kindName, kindOf, pullCommands } from "../parts/artifact.ts";
import { Breakable } from "../parts/breakable.tsx";
import { WholeDigest } from "../parts/digest.tsx";
import { Age, sizeText } from "../parts/format.tsx";
import { LayerBar } from "../parts/layer_bar.tsx";
import { digestUrl, imageName, pathOfImage, tagUrl } from "../urls.ts";
import { Attached } from "./image_attached.tsx";
import { ImageConfigPanel, JsonConfigPanel } from "./image_config_panel.tsx";
import { FilesPanel, LayersPanel } from "./image_layers.tsx";
import { AnnotationsPanel, ManifestPanel } from "./image_manifest.tsx";
import { RepositoryHead, type RepositoryOnPage } from "./repository_head.tsx";

/** Content of the page. */
export interface ImagePageProps {
  readonly visitor: Visitor;
  readonly repository: RepositoryOnPage;
  readonly reference: Reference;
  readonly view: ImageView;
  /** The hold with the layers. */
  readonly hold: string;
  readonly host: string;
  readonly now: number;
}

/** Renders the page. */
export function imagePage(props: ImagePageProps): string {
  const { visitor, repository, reference, view } = props;
  const { shown, summary } = view;
  const name = reference.kind === "tag"
    ? `:${reference.tag}`
    : `@${reference.digest.slice(0, 19)}`;
  const kind = kindOf(summary);
  return renderPage({
    title: `${repository.owner}/${repository.repo}${name}`,
    visitor,
    isWide: true,
    share: repository.share,
    children: (
      <>
        <RepositoryHead repository={repository} current={undefined} />
        <ImageTitle {...props} />
        <PlatformChooser {...props} />
        <LayerBar layers={shown?.manifest.layers ?? []} isTall />
        <div class="split image">
          <aside aria-label="About">
            <Pull {...props} />
            <Facts {...props} />
          </aside>
          <div>
            {shown?.isConfigMissing && (
              <p class="notice" role="status">
                The hold {props.hold}{" "}
                does not give the configuration of this image at the moment, so
                that instructions are missing here, and pulls may fail.
              </p>
            )}
            {shown && (kind === "image"
              ? <LayersPanel shown={shown} />
              : <FilesPanel shown={shown} />)}
            {kind === "image" && shown?.config && (
              <ImageConfigPanel config={shown.config} />
            )}
            {shown?.json !== undefined && (
              <JsonConfigPanel value={shown.json} kind={kind} />
            )}
            {!shown && <NothingShown {...props} />}
            <Attached repository={repository} view={view} now={props.now} />
            <AnnotationsPanel view={view} />
            <ManifestPanel repository={repository} view={view} />
          </div>
        </div>
      </>
    ),
  });
}

function ImageTitle({ repository, reference, view }: ImagePageProps) {
  const others = view.tags.filter((tag) =>
    reference.kind !== "tag" || tag !== reference.tag
  );
  return (
    <div class="image-title">
      <h2>
        {reference.kind === "tag"
          ? <Breakable text={reference.tag} />
          : "By digest"}
        {others.length > 0 && (
          <span class="chips">
            <span class="hidden">, the same image as</span>
            {others.map((tag) => (
              <a class="chip long" key={tag} href={tagUrl(repository, tag)}>
                = {tag}
              </a>
            ))}
          </span>
        )}
      </h2>
      <WholeDigest digest={view.digest} what="the digest" />
    </div>
  );
}

function PlatformChooser({ repository, reference, view }: ImagePageProps) {
  const { platforms } = view.summary;
  if (platforms.length === 0) return null;
  const path = pathOfImage(repository, reference);
  return (
    <nav class="platform-list" aria-label="Platforms">
      {platforms.map(({ name, digest, size }) => (
        <a
          key={digest}
          href={`${path}?${new URLSearchParams({ platform: name })}`}
          {...(digest === view.shown?.digest
            ? { "aria-current": "true" as const }
            : {})}
        >
          {name} {size !== undefined && <small>{sizeText(size)}</small>}
        </a>
      ))}
    </nav>
  );
}

function NothingShown({ view }: ImagePageProps) {
  const { platforms, others } = view.summary;
  return (
    <section class="panel">
      <div class="body">
        <p>
          {platforms.length > 0
            ? "The images of this index are not known here yet. Pull one of them, and it is shown."
            : others.length > 0
            ? "This index has no images, but other manifests; see below."
            : "This index has no images."}
        </p>
      </div>
    </section>
  );
}

function Pull({ visitor, repository, reference, view, host }: ImagePageProps) {
  const commands = pullCommands(kindOf(view.summary), {
    host,
    image: imageName(repository),
    reference,
  });
  const returnTo = pathOfImage(repository, reference);
  return (
    <section aria-label="Pull">
      <Island
        name="pull_box"
        of={PullBox}
        props={{ commands, chosen: visitor.frame.client, returnTo }}
      />
    </section>
  );
}

function Facts({ repository, view, hold, now }: ImagePageProps) {
  const { info, summary, shown } = view;
  const created = Date.parse(shown?.config?.created ?? "");
  const subject = summary.manifest.subject?.digest;
  return (
    <dl class="facts">
      <dt>Kind</dt>
      <dd>{kindName(kindOf(summary))}</dd>
      {shown?.config?.os && (
        <>
          <dt>Platform</dt>
          <dd class="mono">
            {[
              shown.config.os,
              shown.config.architecture,
              shown.config.variant,
            ].filter(Boolean).join("/")}
          </dd>
        </>
      )}
      {summary.size !== undefined && (
        <>
          <dt>
            {summary.platforms.length > 1 ? "Size, all platforms" : "Size"}
          </dt>
          <dd>{sizeText(summary.size)}</dd>
        </>
      )}
      <dt>Pushed</dt>
      <dd>
        <Age at={info.knownSince} now={now} />
      </dd>
      {!Number.isNaN(created) && created > 0 && (
        <>
          <dt>Built</dt>
          <dd>
            <Age at={created} now={now} />
          </dd>
        </>
      )}
      {subject && (
        <>
          <dt>Refers to</dt>
          <dd>
            <a class="digest whole" href={digestUrl(repository, subject)}>
              {subject}
            </a>
          </dd>
        </>
      )}
      <dt>Layers lie in</dt>
      <dd>{hold}</dd>
      <dt>Media type</dt>
      <dd class="mono">
        <Breakable text={info.mediaType} />
      </dd>
    </dl>
  );
}
