import type { FastifyRequest } from 'fastify'
import type { App } from '../services.ts'

/** A page to which an SDK prints links, and the request that reads what it would show. */
interface Page {
  url: string
  shows: string
  /** The parameters of the path stand in braces. */
  request: string
  /** The address of the page's view, likewise; absent where the page has none. */
  view?: string
}

const withLangsmithKey = 'with your key in the header x-api-key'
const withLangfuseKeys = 'with your public and secret key as Basic authentication'

/** As LangSmith's SDKs print them: `/o/` is followed by the tenant's id. */
const langsmithPages: readonly Page[] = [
  {
    url: '/o/:tenant/datasets/:dataset/compare',
    shows: 'comparison',
    request: 'POST /api/v1/datasets/{dataset}/runs and {"session_ids": {selectedSessions}}',
    view: '/app/compare?{candidates}',
  },
  {
    url: '/o/:tenant/datasets/:dataset',
    shows: 'dataset',
    request: 'GET /api/v1/datasets/{dataset}',
    view: '/app/datasets/{dataset}',
  },
  {
    url: '/o/:tenant/projects/p/:session',
    shows: 'project or experiment',
    request: 'GET /api/v1/sessions/{session}?include_stats=true',
    view: '/app/experiments/{session}',
  },
  {
    url: '/o/:tenant/projects/p/:session/r/:run',
    shows: 'run',
    request: 'GET /api/v1/runs/{run}',
    view: '/app/traces/{run}',
  },
]

/** What is shared needs no key but the token. */
const sharedPages: readonly Page[] = [
  { url: '/public/:token/d', shows: 'dataset', request: 'GET /api/v1/public/{token}/datasets' },
  { url: '/public/:token/r', shows: 'run', request: 'GET /api/v1/public/{token}/run' },
]

/** As Langfuse's SDKs print them. */
const langfusePages: readonly Page[] = [
  {
    url: '/project/:project/traces/:trace',
    shows: 'trace',
    request: 'GET /api/public/traces/{trace}',
    view: '/app/traces/{trace}',
  },
  {
    url: '/project/:project/datasets/:dataset/runs/:run',
    shows: 'dataset run',
    request:
      'GET /api/public/experiment-items?experimentId={run}&fromStartTime=1970-01-01T00:00:00Z',
    view: '/app/compare?candidate={run}',
  },
  {
    url: '/project/:project/datasets/:dataset/items/:item',
    shows: 'dataset item',
    request: 'GET /api/public/dataset-items/{item}',
  },
]

/**
 * Keeps the addresses that the SDKs print for people. They lead to the page's view; where there is none, a sentence says
 * how to read the result. Nothing is looked up: both hold what the address itself holds.
 * @param hasPage whether this server has the page
 */
export function links(app: App, hasPage: boolean): void {
  const serve = (pages: readonly Page[], credentials: string) => {
    for (const { url, shows, request: reads, view } of pages) {
      app.get(url, { schema: { hide: true } }, async (request, reply) => {
        const fill = (text: string): string =>
          text.replace(/\{(\w+)\}/g, (_, name: string) => valueOf(request, name))
        // A value that is no id stays in braces.
        const place = view === undefined ? '{}' : fill(view)
        if (hasPage && !place.includes('{')) return reply.redirect(place)
        return reply
          .type('text/plain; charset=utf-8')
          .send(
            `Runmill has no page for this ${shows}: read it by ${fill(reads)}, ${credentials}.\n`,
          )
      })
    }
  }
  serve(langsmithPages, withLangsmithKey)
  serve(sharedPages, 'without any key')
  serve(langfusePages, withLangfuseKeys)
}

/** What the address says; the name in braces where that is no id. */
function valueOf(request: FastifyRequest, name: string): string {
  if (name === 'selectedSessions') {
    const ids = selectedSessions(request)
    return JSON.stringify(ids.length === 0 ? ['…'] : ids)
  }
  if (name === 'candidates') return candidatesOf(selectedSessions(request))
  const value = (request.params as Record<string, string>)[name] ?? ''
  return isId(value) ? value : `{${name}}`
}

function selectedSessions({ query }: FastifyRequest): string[] {
  const given = [(query as Record<string, unknown>)['selectedSessions']].flat().map(String)
  return given.flatMap((text) => text.split(',')).filter((id) => isId(id))
}

/** The first of several is what the others are compared with. */
function candidatesOf(ids: readonly string[]): string {
  const [first = '', ...others] = ids
  if (others.length === 0) return new URLSearchParams({ candidate: first }).toString()
  const candidates = others.map((id): [string, string] => ['candidate', id])
  return new URLSearchParams([['baseline', first], ...candidates]).toString()
}

function isId(text: string): boolean {
  return /^[\w.-]{1,200}$/.test(text)
}
