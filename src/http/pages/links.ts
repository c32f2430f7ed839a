import type { FastifyRequest } from 'fastify'
import type { App } from '../services.ts'

/** A page to which an SDK prints links, and the request that reads what it would show. */
interface Page {
  url: string
  shows: string
  /** The parameters of the path stand in braces. */
  request: string
}

const withLangsmithKey = 'with your key in the header x-api-key'
const withLangfuseKeys = 'with your public and secret key as Basic authentication'

/** As LangSmith's SDKs print them: `/o/` is followed by the tenant's id. */
const langsmithPages: readonly Page[] = [
  {
    url: '/o/:tenant/datasets/:dataset/compare',
    shows: 'comparison',
    request: 'POST /api/v1/datasets/{dataset}/runs and {"session_ids": {selectedSessions}}',
  },
  {
    url: '/o/:tenant/datasets/:dataset',
    shows: 'dataset',
    request: 'GET /api/v1/datasets/{dataset}',
  },
  {
    url: '/o/:tenant/projects/p/:session',
    shows: 'project or experiment',
    request: 'GET /api/v1/sessions/{session}?include_stats=true',
  },
  {
    url: '/o/:tenant/projects/p/:session/r/:run',
    shows: 'run',
    request: 'GET /api/v1/runs/{run}',
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
  },
  {
    url: '/project/:project/datasets/:dataset/runs/:run',
    shows: 'dataset run',
    request:
      'GET /api/public/experiment-items?experimentId={run}&fromStartTime=1970-01-01T00:00:00Z',
  },
  {
    url: '/project/:project/datasets/:dataset/items/:item',
    shows: 'dataset item',
    request: 'GET /api/public/dataset-items/{item}',
  },
]

/**
 * Keeps the addresses that the SDKs print for people. There are no pages, so each says in one sentence where to read the
 * result. Nothing is looked up: the sentence holds what the address itself holds.
 */
export function links(app: App): void {
  const serve = (pages: readonly Page[], credentials: string) => {
    for (const { url, shows, request: reads } of pages) {
      app.get(url, { schema: { hide: true } }, async (request, reply) => {
        const where = reads.replace(/\{(\w+)\}/g, (_, name: string) => valueOf(request, name))
        return reply
          .type('text/plain; charset=utf-8')
          .send(`Runmill has no page for this ${shows}: read it by ${where}, ${credentials}.\n`)
      })
    }
  }
  serve(langsmithPages, withLangsmithKey)
  serve(sharedPages, 'without any key')
  serve(langfusePages, withLangfuseKeys)
}

/** What the address says; the name in braces where that is no id. */
function valueOf({ params, query }: FastifyRequest, name: string): string {
  if (name === 'selectedSessions') {
    const given = [(query as Record<string, unknown>)[name]].flat().map(String)
    const ids = given.flatMap((text) => text.split(',')).filter((id) => isId(id))
    return JSON.stringify(ids.length === 0 ? ['…'] : ids)
  }
  const value = (params as Record<string, string>)[name] ?? ''
  return isId(value) ? value : `{${name}}`
}

function isId(text: string): boolean {
  return /^[\w.-]{1,200}$/.test(text)
}
