import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { createApi } from '../../../src/cli/import/api.ts'
import { type BucketClock, createBucket } from '../../../src/cli/import/bucket.ts'
import { connect } from '../../support/command-line.ts'
import { harness } from '../../support/harness.ts'
import { type HttpProxy, startHttpProxy } from './http-proxy.ts'

let proxy: HttpProxy | undefined
afterEach(async () => proxy?.close())

/** A clock that goes on when somebody waits. */
function virtualClock(): BucketClock {
  let now = 0
  return {
    now: () => now,
    pause: async (ms) => {
      now += ms
    },
  }
}

test('no more requests start within a span of time than the server allows, whenever it began', async () => {
  const clock = virtualClock()
  const bucket = createBucket({ requests: 15, withinMs: 10_000 }, clock)
  const starts: number[] = []
  for (let i = 0; i < 100; i++) {
    await bucket.enter()
    starts.push(clock.now())
    await clock.pause(i % 7 === 0 ? 900 : 20)
  }
  for (const start of starts) {
    const within = starts.filter((other) => other >= start && other < start + 10_000)
    expect(within.length).toBeLessThanOrEqual(15)
  }
  expect(starts.at(-1)).toBeLessThan(80_000)
})

test('after a refusal nothing is sent until it has passed', async () => {
  const clock = virtualClock()
  const bucket = createBucket(null, clock)
  await bucket.enter()
  expect(clock.now()).toBe(0)
  bucket.refuse(30_000)
  await bucket.enter()
  expect(clock.now()).toBe(30_000)
  await bucket.enter()
  expect(clock.now()).toBe(30_000)
})

test('a refusal that does not say how long is waited for, longer each time, and held by its bucket alone', async () => {
  const h = await harness()
  let refusals = 0
  proxy = await startHttpProxy(await connect(h), ({ path }) =>
    path === '/api/v1/sessions' && (refusals += 1) <= 3 ? { status: 429 } : null,
  )
  const limited = createBucket(null)
  const others = createBucket(null)
  const api = createApi({
    url: proxy.url,
    headers: { 'x-api-key': h.tenant.secretKey },
    bucketOf: (path) => (path.includes('/sessions') ? limited : others),
    refusedMs: 50,
    keyAdvice: '',
    tellPause: () => {},
  })
  const sessions = api.json('GET', '/api/v1/sessions')
  expect(await api.json('GET', '/api/v1/datasets')).toEqual([])
  expect(await sessions).toHaveLength(1)
  const times = proxy.seen.filter(({ path }) => path === '/api/v1/sessions').map(({ at }) => at)
  expect(times).toHaveLength(4)
  const pauses = times.slice(1).map((at, i) => at - times[i]!)
  for (const [i, least] of [50, 100, 200].entries()) {
    expect(pauses[i]).toBeGreaterThanOrEqual(least - 1)
  }
})

test('a server that answers something else than JSON is none to import from', async () => {
  const h = await harness()
  const url = await connect(h)
  const bucket = createBucket(null)
  const api = createApi({
    url,
    headers: { 'x-api-key': h.tenant.secretKey },
    bucketOf: () => bucket,
    refusedMs: 50,
    keyAdvice: '',
    tellPause: () => {},
  })
  await expect(api.text('GET', '/metrics')).rejects.toMatchObject({ code: 69 })
})

test('what a refusal says is obeyed, but no server is asked at once, or never again, and long pauses are told', async () => {
  const sent = ['0', '120', '99999999999', 'Fri, 31 Dec 1999 23:59:59 GMT']
  const answers = [...sent]
  proxy = await startHttpProxy('http://127.0.0.1:1', () => {
    const seconds = answers.shift()
    return seconds === undefined
      ? { status: 400 }
      : { status: 429, headers: { 'retry-after': seconds } }
  })
  const pauses: number[] = []
  const told: string[] = []
  const api = createApi({
    url: proxy.url,
    headers: {},
    bucketOf: () => ({ enter: async () => {}, refuse: (ms) => void pauses.push(ms) }),
    refusedMs: 50,
    keyAdvice: '',
    tellPause: (message) => void told.push(message),
  })
  await expect(api.text('GET', '/')).rejects.toMatchObject({ status: 400 })
  expect(pauses).toEqual([500, 120_000, 3_600_000, 500])
  expect(told).toEqual([expect.stringMatching(/120 s$/), expect.stringMatching(/3600 s$/)])
})

test('a refusal whose text breaks off is one all the same', async () => {
  const server = createServer((_, response) => {
    response.writeHead(400, { 'content-length': '100' })
    response.write('half', () => response.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const bucket = createBucket(null)
  const api = createApi({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    headers: {},
    bucketOf: () => bucket,
    refusedMs: 50,
    keyAdvice: '',
    tellPause: () => {},
  })
  try {
    await expect(api.text('GET', '/')).rejects.toMatchObject({ status: 400 })
  } finally {
    server.close()
  }
})
