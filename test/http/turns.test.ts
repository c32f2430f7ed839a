import { randomUUID } from 'node:crypto'
import { Agent, request, type RequestOptions } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createTurns } from '../../src/http/front-door/turns.ts'
import { harness } from '../support/harness.ts'

describe('turns', () => {
  /** Each piece of work takes so long on a clock that only work moves. */
  const pieceMs = 0.75

  function working(): { work(owner: string): Promise<void>; done: string[] } {
    let now = 0
    const turns = createTurns(() => now)
    const done: string[] = []
    return {
      done,
      work: async (owner) => {
        await turns.take(owner)
        now += pieceMs
        done.push(owner)
      },
    }
  }

  test('a turn of the event loop holds only so much work, and the rest waits for the next ones', async () => {
    const { work, done } = working()
    const all = Promise.all(Array.from({ length: 12 }, async () => work('a')))
    const counts: number[] = []
    while (done.length < 12) {
      await new Promise((resolve) => setImmediate(resolve))
      counts.push(done.length)
    }
    await all
    // 2 ms hold three pieces of 0.75 ms: the third begins before they are over.
    const perTurn = counts.map((count, i) => count - (counts[i - 1] ?? 0))
    expect(Math.max(...perTurn)).toBe(3)
  })

  test('an owner that sends a flood does not delay another, and each keeps its order', async () => {
    const { work, done } = working()
    const flood = Array.from({ length: 30 }, async () => work('flood'))
    const other = [work('other'), work('other')]
    await Promise.all(other)
    expect(done.length).toBeLessThan(12)
    await Promise.all(flood)
    expect(done).toHaveLength(32)
  })

  test('work that finds an idle loop begins at once', async () => {
    const { work, done } = working()
    await work('a')
    await work('a')
    expect(done).toEqual(['a', 'a'])
  })
})

describe('a flood of busy connections', () => {
  test('a fresh connection is answered while few of them are', async () => {
    const h = await harness({ isOwn: true })
    // Each request keeps the processor busy for so long, whatever the machine.
    h.queue.enqueue = async () => {
      const start = performance.now()
      while (performance.now() - start < 5);
      return 0
    }
    await h.app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = h.app.server.address() as AddressInfo
    // Few enough that none is refused (intake.ts).
    const connections = 30
    const each = 10
    const agent = new Agent({ keepAlive: true, maxSockets: connections })
    onTestFinished(() => agent.destroy())
    const headers = { authorization: h.tenant.basic, 'content-type': 'application/json' }
    const event = { id: randomUUID(), type: 'trace-create', timestamp: '2026-01-01T00:00:00Z' }
    const body = JSON.stringify({ batch: [{ ...event, body: { id: 'trace' } }] })
    const statuses: (number | undefined)[] = []
    const send = async (options: RequestOptions, text?: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        request({ host: '127.0.0.1', port, ...options }, (answer) => {
          answer.resume().on('end', () => resolve(answer.statusCode))
        })
          .on('error', reject)
          .end(text)
      })
    const post = { method: 'POST', path: '/api/public/ingestion', headers, agent }
    const flood = Promise.all(
      Array.from({ length: connections }, async () => {
        for (let i = 0; i < each; i++) statuses.push(await send(post, body))
      }),
    )
    while (statuses.length < connections) await new Promise((resolve) => setImmediate(resolve))
    const meanwhile: number[] = []
    while (statuses.length < connections * (each - 2)) {
      const before = statuses.length
      expect(await send({ path: '/livez', agent: false })).toBe(200)
      meanwhile.push(statuses.length - before)
    }
    await flood
    expect(new Set(statuses)).toEqual(new Set([207]))
    // Where a turn of the loop holds all that has arrived, each of the 30 is answered once or more meanwhile.
    const [median] = meanwhile.toSorted((a, b) => a - b).slice(meanwhile.length / 2)
    expect(median).toBeLessThan(connections / 2)
  })
})
