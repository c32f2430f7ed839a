import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { harness, type Harness } from '../../support/harness.ts'
import { keepEvent } from '../../support/seeded-tenant.ts'
import { insertKey } from '../../support/tenant.ts'

const path = '/api/runmill/ingestion'

const sum = (counts: number[]): number => counts.reduce((total, count) => total + count, 0)

async function sendScores(h: Harness, tenant = h.tenant): Promise<void> {
  const good = { run_id: randomUUID(), key: 'k', score: 1 }
  expect((await h.callAs(tenant, 'POST', '/feedback', good)).status).toBe(200)
  expect((await h.callAs(tenant, 'POST', '/feedback', { key: 5 })).status).toBe(422)
}

describe('200', () => {
  test('tells a tenant what it sent: accepted, applied with its lag, refused by reason, and kept as dead letters', async () => {
    const h = await harness()
    await sendScores(h)
    await keepEvent(h, h.tenant.id, randomUUID(), 'out of range')
    await sendScores(h, await h.addTenant())
    const { status, body } = await h.call('GET', path)
    expect(status).toBe(200)
    expect(body).toMatchObject({
      tenant: { id: h.tenant.id },
      is_ready: true,
      problems: [],
      step_seconds: 10,
      waiting: { requests: 0, events: 0, oldest_seconds: null },
      flow: {
        lag: { requests: 1, p50: expect.any(Number) },
        refused: [{ reason: 'invalid', recent: 1, total: 1 }],
        last_applied_at: expect.any(String),
      },
      dead_letters: {
        count: 1,
        reasons: [{ id: expect.any(String), reason: 'out of range', count: 1 }],
      },
      server: null,
    })
    expect(sum(body.flow.accepted)).toBe(1)
    expect(sum(body.flow.applied)).toBe(1)
  })

  test('tells a key with the scope admin of the whole server: the queue, and every tenant that sent something', async () => {
    const h = await harness()
    const other = await h.addTenant()
    await sendScores(h)
    await sendScores(h, other)
    await keepEvent(h, other.id, randomUUID(), 'out of range')
    const admin = { 'x-api-key': await insertKey(h.db, h.tenant.id, ['read', 'write', 'admin']) }
    const { status, body } = await h.call('GET', path, undefined, admin)
    expect(status).toBe(200)
    const { server } = body
    expect(server).toMatchObject({ is_postgres_up: true, is_queue_up: true, dead_letters: 1 })
    expect(server.lanes.map(({ lane }: { lane: string }) => lane)).toEqual([
      'ingest',
      'ingest-interactive',
      'ingest-backlog',
    ])
    const of = (id: string) => server.tenants.find((each: { id: string }) => each.id === id)
    expect(of(h.tenant.id)).toMatchObject({ accepted: 1, applied: 1, refused: 1, dead_letters: 0 })
    expect(of(other.id)).toMatchObject({ accepted: 1, applied: 1, refused: 1, dead_letters: 1 })
    expect(sum(server.flow.accepted)).toBeGreaterThanOrEqual(2)
  })
})
