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
import { repositoryUrl } from "../urls.ts";

/** A panel with the best ones, which leads to the whole board. */
export function Ranking(
  { id, title, items, href }: {
    id: string;
    title: string;
    items: readonly RepositoryItem[];
    href: string;
  },
) {
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
