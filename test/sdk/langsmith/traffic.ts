import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import type { Harness } from '../../support/harness.ts'
import { encode, multipartType } from '../../support/multipart.ts'
import type { TestTenant } from '../../support/tenant.ts'
import { zstdCompress } from '../../support/zstd.ts'

/** One request of an SDK, as it was recorded. */
export interface RecordedRequest {
  method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
  path: string
  /** What the SDK needs in the answer. */
  status: number
  /** What the recorder answered as `id`, which later requests name. */
  id?: string
  encoding?: 'gzip' | 'zstd'
  body?: string
  parts?: { name: string; json?: string; type?: string; base64?: string }[]
}

/**
 * `control`: writes that are read back at once. `data`: what may arrive in any order. `change`: needs what it changes
 * to exist.
 */
export type RequestKind = 'read' | 'control' | 'data' | 'change' | 'delete'

/**
 * Reads the requests of `../../fixtures/langsmith-traffic/<name>.json`. Bodies that the recorder had cut off are closed
 * again.
 */
export function readTraffic(name: string): RecordedRequest[] {
  const file = new URL(`../../fixtures/langsmith-traffic/${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8')) as RecordedRequest[]
}

export function kindOf({ method, path }: RecordedRequest): RequestKind {
  const [route = ''] = path.replace(/^\/api(?:\/v1)?(?=\/)/, '').split('?')
  if (method === 'GET') return 'read'
  if (method === 'DELETE' || route.endsWith('/examples/delete')) return 'delete'
  if (route.endsWith('/query') || route === '/runs/stats') return 'read'
  if (/^(?:\/v2)?\/datasets\/[^/]+\/(?:experiment-)?runs$/.test(route)) return 'read'
  if (route.startsWith('/runs') || route === '/feedback') return 'data'
  if (route.startsWith('/feedback/')) return 'change'
  return 'control'
}

export interface Replay {
  /** @returns what was asked for and what came, for a comparison */
  send(request: RecordedRequest): Promise<{ asked: string; status: number; text: string }>
  /** The recorder's ids, restored where the server gave others. */
  asRecorded(text: string): string
}

/** Sends recorded requests, and remembers which ids the server gave where the recorder had given others. */
export function startReplay({ app }: Harness, { secretKey }: TestTenant): Replay {
  const ids = new Map<string, string>()
  const translate = (text: string): string =>
    [...ids].reduce((all, [recorded, ours]) => all.replaceAll(recorded, ours), text)

  return {
    send: async (request) => {
      const { method, parts, encoding } = request
      const plain =
        parts === undefined
          ? Buffer.from(translate(request.body ?? ''))
          : encode(
              parts.map(({ name, json, type, base64 }) => ({
                name,
                value: json === undefined ? Buffer.from(base64!, 'base64') : translate(json),
                ...(type === undefined ? {} : { type }),
              })),
              encoding === 'zstd' ? 'python' : 'js',
            )
      const payload = await compress(plain, encoding)
      const response = await app.inject({
        method,
        url: translate(request.path),
        headers: {
          'x-api-key': secretKey,
          ...(encoding === undefined ? {} : { 'content-encoding': encoding }),
          ...(plain.length === 0
            ? {}
            : { 'content-type': parts === undefined ? 'application/json' : multipartType }),
        },
        ...(plain.length === 0 ? {} : { payload }),
      })
      if (request.id !== undefined) {
        const { id } = JSON.parse(response.body) as { id?: string }
        if (id !== undefined) ids.set(request.id, id)
      }
      return {
        asked: `${method} ${request.path}`,
        status: response.statusCode,
        text: response.body,
      }
    },
    asRecorded: (text) =>
      [...ids].reduce((all, [recorded, ours]) => all.replaceAll(ours, recorded), text),
  }
}

async function compress(bytes: Buffer, encoding: RecordedRequest['encoding']): Promise<Buffer> {
  if (encoding === 'gzip') return gzipSync(bytes)
  return encoding === 'zstd' ? zstdCompress(bytes) : bytes
}
