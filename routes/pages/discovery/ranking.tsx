/**
 * The first few of a board.
 *
 * @module
 */

import { Breakable } from "../parts/breakable.tsx";
import { countOf } from "../parts/format.tsx";
import { LayerBar } from "../parts/layer_bar.tsx";
import { Panel } from "../parts/panel.tsx";
import type { RepositoryItem } from "../parts/repository_list.tsx";
import { boardUrl, repositoryUrl } from "../urls.ts";

/** A panel with the best ones, which leads to the whole board; nothing where there are none. */
export function Ranking(
  { id, title, items, href }: {
    id: string;
    title: string;
    items: readonly RepositoryItem[];
    href: string;
  },
) {
  if (items.length === 0) return null;
  return (
    <Panel
      id={id}
      title={title}
      link={
        <a class="small" href={href}>
          Whole list<span class="hidden">: {title}</span>
        </a>
      }
    >
      <ol class="plain ranking">
        {items.map((item, i) => (
          <li key={`${item.owner}/${item.repo}`} data-row>
            <span class="place soft">{i + 1}</span>
            <a class="name" href={repositoryUrl(item)}>
              <Breakable text={`${item.owner}/`} />
              <b>
                <Breakable text={item.repo} />
              </b>
            </a>
            <span class="small soft nowrap">
              {countOf(item.card.pulls, "pull")}
            </span>
            <LayerBar layers={item.layers} />
          </li>
        ))}
      </ol>
    </Panel>
  );
}

/** The board of what is pulled more than before. */
export function Trending({ items }: { items: readonly RepositoryItem[] }) {
  return (
    <Ranking
      id="trending"
      title="Trending"
      items={items}
      href={boardUrl({ by: "trending" })}
    />
  );
}
