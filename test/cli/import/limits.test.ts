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
