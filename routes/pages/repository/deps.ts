/**
 * What the pages of repositories are made from.
 *
 * @module
 */

import type { Context } from "@hono/hono";
import type { Identity } from "../../../lib/atproto/identity/identity.ts";
import type { PdsSession } from "../../../lib/atproto/pds/pds.ts";
import type { RecordPictures } from "../../../lib/avatar/remote/record_pictures.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { IndexContext } from "../../../lib/context/index.ts";
import type { CatalogContext } from "../../../lib/context/social/catalog.ts";
import type { SocialContext } from "../../../lib/context/social/social.ts";
import type { MayRead } from "../../../lib/index/reading.ts";
import type { Did } from "../../../lib/did.ts";
import type { ImageViews } from "../../../lib/registry/browse/image_view.ts";
import type { TagDeletion } from "../../../lib/registry/browse/tag_deletion.ts";
import type { TagList } from "../../../lib/registry/browse/tag_list.ts";
import type { RepositoryDeletion } from "../../../lib/registry/deletion/repository_deletion.ts";
import type { Owners } from "../../../lib/registry/owners/owners.ts";
import type { Browsers, SignedInBrowser } from "../../auth/browser.ts";
import type { AppEnv } from "../../middleware.ts";
import type { Visitor } from "../document.tsx";
import type { PictureOfUrl } from "../markdown/markdown.ts";
import type { PictureOf } from "../pictures.ts";
import type { HostOf } from "../host_of.ts";
import type { RepositoryPath } from "../urls.ts";

export interface RepositoryPagesDeps {
  owners: Owners;
  tagList: TagList;
  images: ImageViews;
  tagDeletion: TagDeletion;
  repositoryDeletion: RepositoryDeletion;
  /** The session at the PDS of an account; undefined when it has ended. */
  session: (did: Did) => Promise<PdsSession | undefined>;
  browsers: Browsers;
  clock: Clock;
  /** Counts a lookup without login at another server. Throws AppError `TOOMANYREQUESTS`. */
  admitLookUp: (c: Context<AppEnv>) => Promise<void>;
  /** Host in names of images, as the visitor has chosen it. */
  hostOf: HostOf;
  /** Address of an account's picture; undefined where none are served. */
  pictureOf: PictureOf;
  /** Address, here, of a picture that a description names; undefined where none are shown. */
  pictureOfUrl: PictureOfUrl | undefined;
  /** Pictures of repositories; undefined where none are served. */
  pictures: RecordPictures | undefined;
  /** The subject that new pictures are counted for. */
  addressOf: (c: Context<AppEnv>) => string;
  index: IndexContext;
  social: SocialContext;
  catalog: Pick<CatalogContext, "names">;
  /** Where an account, or anybody, may pull. */
  mayReadAs: (caller: Did | undefined) => MayRead;
}

/** A request for a page, with everything that all pages need. */
export interface PageRequest {
  readonly c: Context<AppEnv>;
  readonly path: RepositoryPath;
  readonly query: URLSearchParams;
  readonly browser: SignedInBrowser | undefined;
  readonly visitor: Visitor;
  readonly owner: Identity;
  /** The owner's handle, or DID where there is none. */
  readonly name: string;
  readonly caller: Did | undefined;
  /** Awaited before another server is queried. */
  readonly admit: () => Promise<void>;
}
