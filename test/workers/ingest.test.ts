import { randomUUID } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { eventVersion, type IngestEvent } from '../../src/domain/events.ts'
import type { Run } from '../../src/domain/entities.ts'
import { deriveId } from '../../src/domain/ids.ts'
import { inlineBackend } from '../../src/queue/backends/inline.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { closePool, openPool } from '../../src/store/pool.ts'
import { buildHandlers } from '../../workers/index.ts'
import { createProgress } from '../../workers/progress.ts'
import { harness } from '../support/harness.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { startProxy } from '../support/proxy.ts'
import { insertTenant } from '../support/tenant.ts'

const at = '2026-01-01T00:00:00.000000Z'

function runEvent(name: string, patch: Partial<Run> = {}): IngestEvent {
  const id = deriveId('test-run', name)
  return {
    kind: 'run',
    id,
    externalId: null,
    version: eventVersion('create', at, name),
    patch: { traceId: id, name, runType: 'chain', startTime: at, createdAt: at, ...patch },
  }
}

describe('I5 Isolation of poison', () => {
  test('one bad event among 500 is dead-lettered with its reason, and the other 499 are applied', async () => {
    const h = await harness()
    const events = Array.from({ length: 500 }, (_, i) => runEvent(`run ${i}`))
    const bad = runEvent('run 250', { metadata: { huge: '1e999999' } })
    events[250] = bad
    await h.ingest(...events)

    expect(await h.db`select count(*) as n from runs where tenant_id = ${h.tenant.id}`).toEqual([
      { n: 499 },
    ])
    const letters = await h.db<{ kind: string; rowId: string; reason: string; event: string }[]>`
      select kind, row_id, reason, event from dead_letters where tenant_id = ${h.tenant.id}`
    expect(letters).toHaveLength(1)
    expect(letters[0]).toMatchObject({
      kind: 'run',
      rowId: bad.id,
      reason: expect.stringContaining('numeric'),
    })
    expect(JSON.parse(letters[0]!.event)).toEqual(bad)
    expect(h.errors).toEqual([expect.stringMatching(/^event dead-lettered .*"reason":"data"/)])
    h.errors.length = 0
  })

  test('a bad event of one tenant costs another tenant in the same batch nothing', async () => {
    const h = await harness()
    const other = await h.addTenant()
    const jobOf = (tenantId: string, event: IngestEvent) => ({
      batchId: randomUUID(),
      tenantId,
      receivedAt: at,
      events: [event],
    })
    await h.queue.enqueue('ingest', [
      jobOf(h.tenant.id, runEvent('bad', { inputs: 'not json' })),
      jobOf(other.id, runEvent('good')),
    ])
    await h.drain()
    expect(await h.db`select tenant_id from runs`).toEqual([{ tenantId: other.id }])
    expect(await h.db`select tenant_id from dead_letters`).toEqual([{ tenantId: h.tenant.id }])
  })
})

describe('I5 an error whose code says nothing', () => {
  /** Makes writing some runs fail. A sequence counts also what is rolled back. */
  const breakNamed = (name: string) => `
    create sequence tries;
    create function break_some() returns trigger language plpgsql as $$
    begin perform nextval('tries'); raise exception 'an internal error' using errcode = 'XX000'; end $$;
    create trigger break_some before insert on runs for each row
      when (new.name like '${name}') execute function break_some()`
  const fifty = Array.from({ length: 50 }, (_, i) => runEvent(`run ${i}`))

  test('is that of the event when others of its tenant are applied', async () => {
    const h = await harness({ isOwn: true })
    await h.db.unsafe(breakNamed('run 17'))
    await h.ingest(...fifty)
    expect(await h.db`select count(*) as n from runs`).toEqual([{ n: 49 }])
    expect(await h.db`select row_id from dead_letters`).toEqual([{ rowId: fifty[17]!.id }])
    h.errors.length = 0
  })

  test('passes when none of its tenant is', async () => {
    const h = await harness({ isOwn: true })
    await h.db.unsafe(breakNamed('%'))
    const applied = h.ingest(...fifty)
    // One attempt makes some eight tries, until two events have failed alone.
    await expect
      .poll(async () => (await h.db<{ n: number }[]>`select last_value as n from tries`)[0]!.n)
      .toBeGreaterThan(15)
    await h.db`drop function break_some cascade`
    await applied
    expect(await h.db`select count(*) as n from runs`).toEqual([{ n: 50 }])
    expect(await h.db`select from dead_letters`).toEqual([])
  })
})

describe('I5 I6 a job that is refused without a reason', () => {
  const closing: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close()
  })

  /** A worker of its own, and what it counts as applied. */
  async function start(limits: { unclearMs?: number } = {}) {
    const database = await createTestDatabase()
    const db = openPool(database.url, { max: 5 })
    const queue = inlineBackend()
    closing.push(
      async () => database.drop(),
      async () => closePool(db),
      async () => queue.stop(),
    )
    const applied: number[] = []
    const meter = { held() {}, deadLetter() {}, batch() {} }
    const progress = createProgress(systemClock, () => ({
      ...meter,
      applied: (events) => void applied.push(events),
    }))
    const log = { info() {}, warn() {}, error() {} }
    await queue.start()
    await queue.work(buildHandlers({ db, queue, clock: systemClock, log, progress }, limits))
    const tenant = await insertTenant(db)
    const enqueue = async (...events: IngestEvent[]) =>
      queue.enqueue('ingest', [
        { batchId: randomUUID(), tenantId: tenant.id, receivedAt: at, events },
      ])
    const rows = async () => {
      const runs = await db<{ name: string }[]>`select name from runs order by name`
      const letters = await db<{ rowId: string }[]>`select row_id from dead_letters order by 1`
      return { runs: runs.map(({ name }) => name), letters: letters.map(({ rowId }) => rowId) }
    }
    /** Makes writing some runs fail, for so many times. A sequence counts also what is rolled back. */
    const breakRuns = async (condition: string, times = 1e9, code = 'XX000') =>
      db.unsafe(`
        create sequence tries;
        create function break_some() returns trigger language plpgsql as $$
        begin
          if nextval('tries') <= ${times} then
            raise exception 'an internal error' using errcode = '${code}';
          end if;
          return new;
        end $$;
        create trigger break_some before insert on runs for each row
          when (${condition}) execute function break_some()`)
    const tries = async () => (await db<{ n: number }[]>`select last_value as n from tries`)[0]!.n
    return { queue, applied, enqueue, rows, breakRuns, tries }
  }
  const patiently = { timeout: 60_000 }

  test('alone keeps no other of its tenant waiting, and is dead-lettered once others are applied', async () => {
    const { queue, enqueue, rows, breakRuns, tries } = await start()
    await breakRuns(`new.name like 'bad%'`)
    const bad = runEvent('bad')
    await enqueue(bad)
    await expect.poll(tries, patiently).toBeGreaterThan(2)
    expect(await rows()).toEqual({ runs: [], letters: [] })
    await enqueue(runEvent('good'))
    await enqueue(runEvent('good too'))
    await queue.drain()
    expect(await rows()).toEqual({ runs: ['good', 'good too'], letters: [bad.id] })
  })

  test('for its first two events does not hold up the others', async () => {
    const { queue, enqueue, rows, breakRuns } = await start()
    await breakRuns(`new.name like 'bad%'`)
    const bad = ['bad 1', 'bad 2'].map((name) => runEvent(name))
    const good = Array.from({ length: 6 }, (_, i) => runEvent(`good ${i}`))
    await enqueue(...bad, ...good)
    await queue.drain()
    expect(await rows()).toEqual({
      runs: good.map(({ patch }) => (patch as Partial<Run>).name),
      letters: bad.map(({ id }) => id).toSorted(),
    })
  })

  test('for long and alone is dead-lettered though its tenant has no other', async () => {
    const { queue, enqueue, rows, breakRuns, tries } = await start({ unclearMs: 300 })
    await breakRuns('true')
    const bad = runEvent('bad')
    await enqueue(bad)
    await queue.drain()
    expect(await rows()).toEqual({ runs: [], letters: [bad.id] })
    expect(await tries()).toBeGreaterThan(2)
  })

  test('is applied when that has passed by the time the others are', async () => {
    const { queue, enqueue, rows, breakRuns, applied } = await start()
    const names = ['run 0', 'run 1', 'run 2', 'run 3']
    // With all four, with another, and alone.
    await breakRuns(`new.name = 'run 1'`, 3)
    await enqueue(...names.map((name) => runEvent(name)))
    await queue.drain()
    expect(await rows()).toEqual({ runs: names, letters: [] })
    expect(applied).toEqual([4])
  })

  test('in part, and in part by an error that passes, is counted once', async () => {
    const { queue, enqueue, rows, breakRuns, applied } = await start()
    const names = ['a', 'b', 'c', 'd']
    const [first, ...others] = names
      .map((name) => runEvent(name))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    const bad = { ...first!, patch: { ...first!.patch, metadata: { huge: '1e999999' } } }
    const last = (others.at(-1)!.patch as Partial<Run>).name
    await breakRuns(`new.name = '${last}'`, 3, '08006')
    await enqueue(bad as IngestEvent, ...others)
    await queue.drain()
    expect((await rows()).letters).toEqual([bad.id])
    expect(applied).toEqual([3])
  })
})

describe('I6 Outage', () => {
  const closing: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close()
  })

  test('while Postgres is away accepted events wait, and are applied when it is back; none is dead-lettered', async () => {
    const database = await createTestDatabase()
    const proxy = await startProxy(database.url)
    const direct = openPool(database.url, { max: 1 })
    const db = openPool(proxy.through(database.url), { max: 3 })
    const queue = inlineBackend()
    closing.push(
      async () => database.drop(),
      async () => proxy.close(),
      async () => closePool(direct),
      async () => closePool(db),
      async () => queue.stop(),
    )
    const outage = new Promise<void>((resolve) => {
      const log = { info: () => {}, error: () => {}, warn: () => resolve() }
      void queue.start().then(async () =>
        queue.work(
          buildHandlers({
            db,
            queue,
            clock: systemClock,
            log,
            progress: createProgress(systemClock),
          }),
        ),
      )
    })
    const tenant = await insertTenant(direct)
    await proxy.down()
    const events = Array.from({ length: 20 }, (_, i) => runEvent(`run ${i}`))
    await queue.enqueue('ingest', [
      { batchId: randomUUID(), tenantId: tenant.id, receivedAt: at, events },
    ])
    await outage
    await proxy.up()
    await queue.drain()
    expect(await direct`select count(*) as n from runs`).toEqual([{ n: 20 }])
    expect(await direct`select count(*) as n from dead_letters`).toEqual([{ n: 0 }])
  })
})

describe('runs that come with a parent only', () => {
  test('a child gets its trace and dotted order once its parent has one, all the way down, in any order', async () => {
    const h = await harness()
    const root = runEvent('root', {
      dottedOrder: `20260101T000000000000Z${deriveId('test-run', 'root')}`,
    })
    const childOf = (name: string, parent: string): IngestEvent => {
      const event = runEvent(name, { parentRunId: deriveId('test-run', parent) })
      delete (event.patch as Partial<Run>).traceId
      return event
    }
    await h.ingest(childOf('grandchild', 'child'))
    await h.ingest(childOf('child', 'root'))
    await h.ingest(root)
    const rows = await h.db<{ name: string; traceId: string; dottedOrder: string }[]>`
      select name, trace_id, dotted_order from runs order by dotted_order`
    expect(rows.map((row) => row.name)).toEqual(['root', 'child', 'grandchild'])
    expect(new Set(rows.map((row) => row.traceId))).toEqual(new Set([root.id]))
    expect(rows[2]!.dottedOrder.split('.')).toHaveLength(3)
    expect(await h.db`select run_count from traces`).toEqual([{ runCount: 3 }])
  })
})

describe('I11 Deletes win', () => {
  test('events that name a deleted experiment or a deleted row are dropped, their neighbours are not', async () => {
    const h = await harness()
    const experimentId = deriveId('test', 'gone')
    const deadRun = runEvent('dead run')
    await h.db`
      insert into tombstones (tenant_id, kind, id, deleted_at) values
        (${h.tenant.id}, 'experiment', ${experimentId}, now()), (${h.tenant.id}, 'run', ${deadRun.id}, now())`
    await h.ingest(runEvent('inside', { experimentId }), deadRun, runEvent('alive'))
    expect(await h.db`select name from runs`).toEqual([{ name: 'alive' }])
  })
})
