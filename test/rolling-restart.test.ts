import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startBalancer, type Target } from '../chaos/balancer.ts'
import { findLastingPort } from '../chaos/lasting-port.ts'
import { closePool, openPool } from '../src/store/pool.ts'
import { createTestDatabase } from './support/postgres.ts'
import { startRunmill, type RunmillProcess } from './support/runmill-process.ts'
import { insertTenant } from './support/tenant.ts'

/** How long a balancer that asks ten times a second may take to see that a process is about to end. */
const drainSeconds = 6

test('two APIs behind a balancer are restarted one after the other, and no request fails', async () => {
  const database = await createTestDatabase()
  const db = openPool(database.url, { max: 1 })
  const tenant = await insertTenant(db)
  const running = new Map<string, RunmillProcess>()

  async function start(name: string, settings: Record<string, string>): Promise<RunmillProcess> {
    const started = startRunmill({ DATABASE_URL: database.url, ...settings })
    running.set(name, started)
    await started.ready
    return started
  }

  async function startApi(name: string, { url, healthUrl }: Target): Promise<void> {
    await start(name, {
      ROLE: 'api',
      PORT: new URL(url).port,
      RUNMILL_HEALTH_PORT: new URL(healthUrl).port,
      RUNMILL_DRAIN_SECONDS: String(drainSeconds),
    })
  }

  const targets = await Promise.all(
    [1, 2].map(async () => ({
      url: `http://127.0.0.1:${await findLastingPort()}`,
      healthUrl: `http://127.0.0.1:${await findLastingPort()}`,
    })),
  )
  await Promise.all([
    start('worker', { ROLE: 'worker' }),
    ...targets.map(async (target, at) => startApi(`api-${at}`, target)),
  ])
  const balancer = await startBalancer(targets)
  onTestFinished(async () => {
    for (const each of running.values()) {
      each.signal('SIGKILL')
      await each.exited
    }
    await balancer.close()
    await closePool(db)
    await database.drop()
  })
  await untilBothAnswer()

  const sent: string[] = []
  const failed: string[] = []
  let isOver = false
  const clients = Array.from({ length: 5 }, async (_, client) => {
    while (!isOver) {
      const id = randomUUID()
      // The last client waits until what it sends is applied, and so is often under way when a process stops.
      const [path, body, headers] =
        client < 4
          ? [
              '/runs/batch',
              {
                post: [
                  {
                    id,
                    trace_id: id,
                    dotted_order: `20260121T143542000000Z${id}`,
                    name: 'r',
                    run_type: 'chain',
                    start_time: '2026-01-21T14:35:42Z',
                  },
                ],
              },
              {},
            ]
          : ['/api/public/scores', { id, traceId: id, name: 's', value: 1 }, { prefer: 'wait=5' }]
      const answer = await fetch(balancer.url + path, {
        method: 'POST',
        headers: {
          ...(client < 4 ? { 'x-api-key': tenant.secretKey } : { authorization: tenant.basic }),
          'content-type': 'application/json',
          ...headers,
        },
        body: JSON.stringify(body),
      }).then(async (response) => `${response.status} ${await response.text()}`, String)
      if (/^20\d /.test(answer)) sent.push(id)
      else failed.push(`${path}: ${answer}`)
      await pause(5)
    }
  })

  async function untilBothAnswer(): Promise<void> {
    const before = [...balancer.answered]
    await vi.waitFor(
      async () => {
        await fetch(`${balancer.url}/api/public/health`)
        expect(balancer.answered.every((count, at) => count > before[at]! + 5)).toBe(true)
      },
      { timeout: 60_000, interval: 20 },
    )
  }

  for (const [at, target] of targets.entries()) {
    await untilBothAnswer()
    const old = running.get(`api-${at}`)!
    old.signal('SIGTERM')
    // Both of its listeners say so at once.
    await vi.waitFor(
      async () => {
        for (const url of [target.url, target.healthUrl]) {
          const answer = await fetch(`${url}/readyz`)
          expect(await answer.json()).toEqual({ ready: false, problems: ['stopping'] })
          expect(answer.status).toBe(503)
        }
      },
      { timeout: drainSeconds * 1000, interval: 20 },
    )
    expect(await old.exited).toBe(0)
    await startApi(`api-${at}`, target)
  }
  await untilBothAnswer()
  isOver = true
  await Promise.all(clients)

  expect(failed).toEqual([])
  expect(balancer.failures).toEqual([])
  await vi.waitFor(
    async () => {
      const rows = await db<{ n: number }[]>`
        select (select count(*) from runs) + (select count(*) from feedback) as n`
      expect(rows[0]!.n).toBe(sent.length)
    },
    { timeout: 60_000, interval: 100 },
  )
  expect(sent.length).toBeGreaterThan(100)
})
