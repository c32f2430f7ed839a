import { createServer, request as send } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'

/** What a proxy answers by itself. */
interface Refusal {
  status: number
  headers?: Record<string, string>
}

export interface Seen {
  method: string
  path: string
  at: number
  status: number | null
}

/** A request, as far as it is known from its head. */
interface Head {
  method: string
  path: string
  /** 0 where it is not told. */
  bytes: number
}

type Decide = (request: Head, seen: readonly Seen[]) => Refusal | null

export interface HttpProxy {
  url: string
  /** Every request, in order. */
  seen: Seen[]
  close(): Promise<void>
}

/**
 * Passes requests on to a server, but for those that it refuses as the vendor's limiter would.
 * @param decide what to answer; null passes the request on
 */
export async function startHttpProxy(target: string, decide: Decide): Promise<HttpProxy> {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    const { method = '', url = '' } = request
    const bytes = Number(request.headers['content-length'] ?? 0)
    const refusal = decide({ method, path: url, bytes }, seen)
    seen.push({ method, path: url, at: performance.now(), status: refusal?.status ?? null })
    if (refusal !== null) {
      request.resume()
      response.writeHead(refusal.status, refusal.headers).end('{"detail":"refused by the proxy"}')
      return
    }
    const passed = send(target + url, { method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    passed.on('error', () => response.destroy())
    // A client that goes away ends what was passed on for it.
    pipeline(request, passed, () => {})
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
