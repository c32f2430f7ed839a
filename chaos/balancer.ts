import { once } from 'node:events'
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/** What requests are sent to, and where it says whether it takes any. */
export interface Target {
  url: string
  /** Where its `/readyz` is asked for. */
  healthUrl: string
}

/** A load balancer that goes by `/readyz`, keeps connections to its targets open, and repeats nothing. */
export interface Balancer {
  readonly url: string
  /** How many requests were answered 502, because no target was ready or one broke off. The first twenty, in words. */
  readonly failures: readonly string[]
  /** How many requests each target has answered. */
  readonly answered: readonly number[]
  close(): Promise<void>
}

const probeEveryMs = 100

export async function startBalancer(targets: readonly Target[]): Promise<Balancer> {
  const agent = new Agent({ keepAlive: true })
  const ready = targets.map(() => false)
  const answered = targets.map(() => 0)
  const failures: string[] = []
  let turn = 0
  let isClosed = false

  async function probe(at: number): Promise<void> {
    const answer = await fetch(`${targets[at]!.healthUrl}/readyz`).catch(() => null)
    await answer?.body?.cancel()
    ready[at] = answer?.ok === true
  }

  async function keepProbing(at: number): Promise<void> {
    while (!isClosed) {
      await pause(probeEveryMs)
      await probe(at)
    }
  }

  const server = createServer((incoming, outgoing) => {
    const order = targets.map((_, at) => (turn + at) % targets.length)
    const at = order.find((each) => ready[each]!)
    turn += 1
    const fail = (reason: string): void => {
      if (failures.length < 20) failures.push(`${incoming.method} ${incoming.url}: ${reason}`)
      if (outgoing.headersSent) outgoing.destroy()
      else outgoing.writeHead(502).end()
    }
    if (at === undefined) return fail('no target is ready')
    const { method, headers } = incoming
    const passed = request(targets[at]!.url + incoming.url, {
      agent,
      method,
      headers: { ...headers, connection: 'keep-alive' },
    })
    passed.on('error', (error) => fail(`target ${at}: ${error.message}`))
    passed.on('response', (response) => {
      answered[at]! += 1
      const { connection: _, ...others } = response.headers
      outgoing.writeHead(response.statusCode!, others)
      response.on('error', (error) => fail(`target ${at}: ${error.message}`))
      response.pipe(outgoing)
    })
    incoming.pipe(passed)
  })
  await Promise.all(targets.map(async (_, at) => probe(at)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const probes = targets.map(async (_, at) => keepProbing(at))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    failures,
    answered,
    async close() {
      isClosed = true
      await Promise.all(probes)
      server.close()
      server.closeAllConnections()
      agent.destroy()
    },
  }
}
