/**
 * The pages of the documentation.
 *
 * @module
 */

import type {
  Documentation,
  DocumentHit,
  DocumentPage,
} from "../../../lib/install/documentation.ts";
import { renderPage, type Visitor } from "../document.tsx";
import { documentHtml } from "../markdown/document_html.ts";
import { docsUrl } from "../urls.ts";

/** The list of pages, or what a search has found. */
export function docsPage(
  { visitor, docs, query, hits }: {
    visitor: Visitor;
    docs: Documentation;
    query: string;
    hits: readonly DocumentHit[];
  },
): string {
  return renderPage({
    title: query === "" ? "Documentation" : `${query} in the documentation`,
    visitor,
    children: (
      <>
        <h1>Documentation</h1>
        <DocsSearch query={query} />
        {query === ""
          ? (
            <ul class="plain links">
              {docs.pages.map(({ name, title }) => (
                <li key={name}>
                  <a href={docsUrl(name)}>{title}</a>
                </li>
              ))}
            </ul>
          )
          : (
            <>
              <p role="status">
                {hits.length === 0
                  ? `Nothing in the documentation has “${query}”.`
                  : `${hits.length} places with “${query}”`}
              </p>
              <ul class="plain hits">
                {hits.map(({ page, section, excerpt }) => (
                  <li key={`${page.name}#${section.anchor}`}>
                    <a href={docsUrl(page.name, section.anchor)}>
                      {section.title === page.title
                        ? page.title
                        : `${page.title}: ${section.title}`}
                    </a>
                    <p class="small soft">{excerpt}</p>
                  </li>
                ))}
              </ul>
              <p>
                <a href={docsUrl()}>All pages</a>
              </p>
            </>
          )}
      </>
    ),
  });
}

/** One page. */
export function documentPage(
  { visitor, page }: { visitor: Visitor; page: DocumentPage },
): string {
  const html = { __html: documentHtml(page.text) };
  const [, ...sections] = page.sections;
  return renderPage({
    title: page.title,
    visitor,
    isWide: true,
    children: (
      <>
        <p class="crumbs small">
          <a href={docsUrl()}>Documentation</a>
        </p>
        <h1>{page.title}</h1>
        <div class="split docs">
          <div class="prose" dangerouslySetInnerHTML={html} />
          <aside aria-label="On this page">
            <DocsSearch query="" />
            {sections.length > 0 && (
              <nav aria-label="Sections">
                <ul class="plain small">
                  {sections.map(({ title, anchor }) => (
                    <li key={anchor}>
                      <a class="quiet" href={`#${anchor}`}>{title}</a>
                    </li>
                  ))}
                </ul>
              </nav>
            )}
          </aside>
        </div>
      </>
    ),
  });
}

function DocsSearch({ query }: { query: string }) {
  return (
    <form class="row docs-search" method="get" action={docsUrl()}>
      <input
        type="search"
        name="q"
        value={query}
        maxLength={128}
        aria-label="Search the documentation"
        placeholder="Search the documentation"
      />
      <button type="submit" class="button">Search</button>
    </form>
  );
}
