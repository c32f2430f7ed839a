import { randomUUID } from 'node:crypto'
import { expect, test, vi } from 'vitest'
import { eventVersion, type IngestEvent } from '../../src/domain/events.ts'
import { deriveId } from '../../src/domain/ids.ts'
import { queues } from '../../src/queue/catalog.ts'
import { harness, type Harness } from '../support/harness.ts'

const at = '2026-01-01T00:00:00.000000Z'

function runEvent(experimentId?: string): IngestEvent {
  const id = randomUUID()
  const patch = {
    traceId: id,
    name: 'run',
    startTime: at,
    ...(experimentId ? { experimentId } : {}),
  }
  return { kind: 'run', id, externalId: null, version: eventVersion('create', at, id), patch }
}

function jobsOf(tenantId: string, count: number, experimentId?: string) {
  return Array.from({ length: count }, () => ({
    batchId: randomUUID(),
    tenantId,
    receivedAt: at,
    events: [runEvent(experimentId)],
  }))
}

/** More than a lane holds at a time. */
const manyJobs = queues.ingest.concurrency + 10

async function runCount(h: Harness, tenantId: string): Promise<number> {
  const [row] = await h.db<{ n: number }[]>`
    select count(*) as n from runs where tenant_id = ${tenantId}`
  return row!.n
}

async function expectNoDeadLetters(h: Harness): Promise<void> {
  expect(await h.db`select reason from dead_letters`).toEqual([])
}

/** The errors of Citus when a node is away, when it moves a shard, and one of its own. */
test.each(['08006', '0A000', 'XX000'])(
  'I6 a tenant whose statements fail with %s delays no other, and is applied when they succeed again',
  async (code) => {
    const h = await harness()
    const other = await h.addTenant()
    await h.db.unsafe(`
      create function node_is_away() returns trigger language plpgsql as $$
      begin raise exception 'connection to the remote node failed' using errcode = '${code}'; end $$;
      create trigger node_is_away before insert on runs for each row
        when (new.tenant_id = '${h.tenant.id}') execute function node_is_away()`)
    await h.queue.enqueue('ingest', [
      ...jobsOf(h.tenant.id, manyJobs),
      ...jobsOf(other.id, manyJobs),
    ])
    await vi.waitUntil(async () => (await runCount(h, other.id)) === manyJobs, {
      timeout: 60_000,
      interval: 10,
    })
    expect(await runCount(h, h.tenant.id)).toBe(0)

    await h.db`drop function node_is_away cascade`
    await h.drain()
    expect(await runCount(h, h.tenant.id)).toBe(manyJobs)
    await expectNoDeadLetters(h)
  },
)

test('I6 a tenant whose statements hang delays no other, and is applied when they go on', async () => {
  const h = await harness()
  const other = await h.addTenant()
  const experimentId = deriveId('test', 'locked')
  await h.db`
    insert into experiments (tenant_id, id, name, name_scope, start_time, created_at, updated_at)
    values (${h.tenant.id}, ${experimentId}, 'e', ${experimentId}, now(), now(), now())`
  await h.db.begin(async (transaction) => {
    await transaction`select from experiments where id = ${experimentId} for update`
    await h.queue.enqueue('ingest', [
      ...jobsOf(h.tenant.id, manyJobs, experimentId),
      ...jobsOf(other.id, manyJobs),
    ])
    await vi.waitUntil(async () => (await runCount(h, other.id)) === manyJobs, {
      timeout: 60_000,
      interval: 10,
    })
    expect(await runCount(h, h.tenant.id)).toBe(0)
  })
  await h.drain()
  expect(await runCount(h, h.tenant.id)).toBe(manyJobs)
  await expectNoDeadLetters(h)
})
