import { readFileSync } from 'node:fs'
import { protobufOf } from '../../http/otlp/spans.ts'
import type { Harness } from '../../support/harness.ts'
import type { TestTenant } from '../../support/tenant.ts'

/** One request of an SDK, as it was recorded. */
export interface RecordedRequest {
  /** What the recorded script was doing. */
  step: string
  method: 'GET' | 'POST' | 'DELETE'
  path: string
  /** What the SDK needs in the answer. */
  status: number
  /** Fields of the recorder's answer that later requests name. */
  answer?: Record<string, string>
  /** `protobuf`: the body was OTLP in binary form. It is stored as OTLP/JSON. */
  encoding?: 'protobuf'
  body?: unknown
}

export interface Recording {
  /** What the SDK sends with every request, except its key. */
  headers: Record<string, string>
  requests: RecordedRequest[]
}

/**
 * `control`: writes that are read back at once. `data`: what may arrive in any order, and more than once. `single`: a
 * write without an id of its own, so that repeating it makes another row.
 */
export type RequestKind = 'read' | 'control' | 'data' | 'single' | 'delete'

/**
 * Reads `../../fixtures/langfuse-traffic/<name>.json` (contracts/langfuse.md 6). Where only the length of a body was
 * recorded, the file has the body that the same version of the SDK sends for the same calls, with the recorded ids.
 */
export function readTraffic(name: string): Recording {
  const file = new URL(`../../fixtures/langfuse-traffic/${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8')) as Recording
}

export function kindOf({ method, path }: RecordedRequest): RequestKind {
  if (method === 'GET') return 'read'
  if (method === 'DELETE') return 'delete'
  if (/\/(?:ingestion|otel\/v1\/traces|dataset-run-items)$/.test(path)) return 'data'
  return path.endsWith('/scores') ? 'single' : 'control'
}

export interface Replay {
  /** @returns what was asked for and what came, for a comparison */
  send(request: RecordedRequest): Promise<{ asked: string; status: number; text: string }>
  /** The recorder's ids, restored where the server gave others. */
  asRecorded(text: string): string
}

/** Sends recorded requests, and remembers which ids the server gave where the recorder had given others. */
export function startReplay(
  { app }: Harness,
  { basic }: TestTenant,
  { headers }: Recording,
): Replay {
  const ids = new Map<string, string>()
  const translate = (text: string): string =>
    [...ids].reduce((all, [recorded, ours]) => all.replaceAll(recorded, ours), text)

  return {
    send: async ({ method, path, answer = {}, encoding, body }) => {
      const text = body === undefined ? undefined : translate(JSON.stringify(body))
      const response = await app.inject({
        method,
        url: translate(path),
        headers: {
          ...headers,
          authorization: basic,
          ...(text === undefined
            ? {}
            : { 'content-type': `application/${encoding === undefined ? 'json' : 'x-protobuf'}` }),
        },
        ...(text === undefined
          ? {}
          : { payload: encoding === undefined ? text : protobufOf(JSON.parse(text) as object) }),
      })
      if (response.statusCode === 200) {
        for (const [field, recorded] of Object.entries(answer)) {
          ids.set(recorded, (JSON.parse(response.body) as Record<string, string>)[field]!)
        }
      }
      return { asked: `${method} ${path}`, status: response.statusCode, text: response.body }
    },
    asRecorded: (text) =>
      [...ids].reduce((all, [recorded, ours]) => all.replaceAll(ours, recorded), text),
  }
}
