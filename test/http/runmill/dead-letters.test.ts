import { createHash, randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { attachmentsMap } from '../../../src/domain/attachments.ts'
import type { IngestEvent } from '../../../src/domain/events.ts'
import { deadLetterInsert } from '../../../src/store/write/dead-letters.ts'
import { feedbackOn, runEvent } from '../../support/comparison-rows.ts'
import { harness, type Harness } from '../../support/harness.ts'
import { insertKey } from '../../support/tenant.ts'

const path = '/api/runmill/dead-letters'

/** The score is no JSON, so the database refuses it. */
function refusedEvent(): IngestEvent {
  return feedbackOn({ id: randomUUID() }, 'broken', 1, { score: 'no JSON' })
}

/** Keeps events that could be applied. @returns their ids as dead letters, the oldest first */
async function keep(
  h: Harness,
  events: IngestEvent[],
  reason: string,
  tenantId = h.tenant.id,
): Promise<string[]> {
  for (const event of events) {
    const now = h.clock.now()
    const letter = { tenantId, batchId: randomUUID(), event, reason, receivedAt: now, now }
    await deadLetterInsert(h.db, letter)
  }
  const rows = await h.db<{ id: string }[]>`
    select id from dead_letters where tenant_id = ${tenantId} and reason = ${reason} order by received_at, id`
  return rows.map(({ id }) => id)
}

const scores = (count: number): IngestEvent[] =>
  Array.from({ length: count }, (_, i) => feedbackOn({ id: randomUUID() }, 'kept', i))

const idOf = (reason: string): string => createHash('sha256').update(reason).digest('hex')

async function idsOf(h: Harness, query = ''): Promise<string[]> {
  const { status, body } = await h.call('GET', `${path}${query}`)
  expect(status).toBe(200)
  return body.dead_letters.map(({ id }: { id: string }) => id)
}

async function countOf(h: Harness, key: string): Promise<number> {
  const [row] = await h.db<{ n: number }[]>`
    select count(*)::integer as n from feedback where tenant_id = ${h.tenant.id} and key = ${key}`
  return row!.n
}

describe('200 GET', () => {
  test('an event that the database refused is listed with its reason, and read in full', async () => {
    const h = await harness()
    const event = refusedEvent()
    await h.ingest(event)
    const { body } = await h.call('GET', path)
    expect(body).toMatchObject({
      dead_letters: [
        { kind: 'feedback', row_id: event.id, reason: expect.stringMatching(/json/i) },
      ],
      next_cursor: null,
    })
    const [{ id }] = body.dead_letters
    expect((await h.call('GET', `${path}/${id}`)).body).toMatchObject({ id, event })
    h.errors.length = 0
  })

  test('pages hold all of them once, newest first, and a kind or a part of the reason narrows them', async () => {
    const h = await harness()
    const slow = await keep(h, scores(3), 'Too slow')
    const large = await keep(h, scores(4), 'too LARGE')
    const all = [...slow, ...large].toReversed()
    const read: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const { body } = await h.call(
        'GET',
        `${path}?limit=3&cursor=${cursor}`.replace(/&cursor=$/, ''),
      )
      read.push(...body.dead_letters.map(({ id }: { id: string }) => id))
      cursor = body.next_cursor
    }
    expect(read).toEqual(all)
    expect(await idsOf(h, '?reason=too%20large')).toEqual(large.toReversed())
    expect(await idsOf(h, `?reason_id=${idOf('too LARGE')}`)).toEqual(large.toReversed())
    expect(await idsOf(h, `?reason_id=${idOf('too')}`)).toEqual([])
    expect((await h.call('GET', `${path}?reason_id=too`)).status).toBe(422)
    expect(await idsOf(h, '?kind=run')).toEqual([])
  })
})

describe('200 POST …/replay', () => {
  test('one is applied and is a dead letter no more; replayed twice, also at once, it does not double', async () => {
    const h = await harness()
    const [id] = await keep(h, scores(1), 'step')
    const answers = await Promise.all(
      [1, 2].map(async () => h.call('POST', `${path}/${id!}/replay`)),
    )
    const taken = answers.filter(({ status }) => status === 200)
    expect(taken.length).toBeGreaterThan(0)
    for (const { body } of taken) expect(body).toEqual({ replayed: 1, applied: 1, refused: [] })
    await h.drain()
    expect(await countOf(h, 'kept')).toBe(1)
    expect(await idsOf(h)).toEqual([])
    expect((await h.call('POST', `${path}/${id!}/replay`)).status).toBe(404)
  })

  test('what is refused again is kept again, once, also when a replay is repeated that got no further than the queue', async () => {
    const h = await harness()
    await h.ingest(refusedEvent())
    const [row] = await h.db<{ id: string; text: string }[]>`
      select id, to_jsonb(held)::text as text from dead_letters as held where tenant_id = ${h.tenant.id}`
    const { id, text } = row!
    const first = await h.call('POST', `${path}/${id}/replay`)
    const kept = await idsOf(h)
    expect(kept).toHaveLength(1)
    expect(kept).not.toContain(id)
    expect(first.body).toEqual({ replayed: 1, applied: 0, refused: kept })

    await h.db`
      insert into dead_letters select * from jsonb_populate_record(null::dead_letters, ${text}::text::jsonb)`
    const second = await h.call('POST', `${path}/${id}/replay`)
    expect(second.body).toEqual(first.body)
    expect(await idsOf(h)).toEqual(kept)
    h.errors.length = 0
  })

  test('many are replayed in steps that end, though some are refused again', async () => {
    const h = await harness()
    await keep(h, scores(204), 'step')
    await h.ingest(refusedEvent())
    const first = await h.call('POST', `${path}/replay`, { kind: 'feedback' })
    expect(first.body).toMatchObject({ replayed: 200, applied: 199, has_more: true })
    const { before, refused } = first.body
    const second = await h.call('POST', `${path}/replay`, { kind: 'feedback', before })
    expect(second.body).toMatchObject({ replayed: 5, applied: 5, has_more: false, before })
    expect(await countOf(h, 'kept')).toBe(204)
    expect(await idsOf(h)).toEqual(refused)
    h.errors.length = 0
  })
})

describe('DELETE', () => {
  test('200 one is discarded, and never applied; a repeat is 404', async () => {
    const h = await harness()
    const [id, other] = await keep(h, scores(2), 'step')
    expect((await h.call('DELETE', `${path}/${id!}`)).body).toEqual({ discarded: 1 })
    expect((await h.call('DELETE', `${path}/${id!}`)).status).toBe(404)
    expect(await idsOf(h)).toEqual([other])
    expect(await countOf(h, 'kept')).toBe(0)
  })

  test('200 those of a filter are discarded, and no others; all of them only when that is said', async () => {
    const h = await harness()
    await keep(h, scores(3), 'one')
    const left = await keep(h, scores(2), 'two')
    expect((await h.call('DELETE', path)).status).toBe(400)
    expect((await h.call('DELETE', `${path}?reason=one`)).body).toEqual({
      discarded: 3,
      has_more: false,
    })
    expect(await idsOf(h)).toEqual(left.toReversed())
    expect((await h.call('DELETE', `${path}?all=true`)).body).toEqual({
      discarded: 2,
      has_more: false,
    })
  })

  test('200 those with one whole reason, however long, and not those whose reason contains it', async () => {
    const h = await harness()
    const reason = 'out of range '.repeat(60).trim()
    await keep(h, scores(2), reason)
    const left = await keep(h, scores(1), `${reason} of integer`)
    expect((await h.call('GET', `${path}/reasons`)).body.reasons[0]).toEqual({
      id: idOf(reason),
      reason,
      count: 2,
    })
    expect((await h.call('DELETE', `${path}?reason_id=${idOf(reason)}`)).body).toMatchObject({
      discarded: 2,
    })
    expect(await idsOf(h)).toEqual(left)
    const replayed = await h.call('POST', `${path}/replay`, { reason_id: idOf(reason) })
    expect(replayed.body).toMatchObject({ replayed: 0 })
  })
})

test('422 for what is not known, as an earlier page sends it: nothing is replayed or discarded', async () => {
  const h = await harness()
  const ids = await keep(h, scores(2), 'one')
  const unknown = { kind: 'feedback', reason_is: 'one' }
  const replayed = await h.call('POST', `${path}/replay`, unknown)
  expect(replayed.status).toBe(422)
  expect(replayed.body.error).toContain('reason_is')
  expect((await h.call('DELETE', `${path}?kind=feedback&reason_is=one`)).status).toBe(422)
  expect(await idsOf(h)).toEqual(ids.toReversed())
})

test('only a key with the scope admin handles those of another tenant', async () => {
  const h = await harness()
  const other = await h.addTenant()
  const [id] = await keep(h, scores(1), 'r', other.id)
  const url = `${path}?tenant_id=${other.id}`
  const admin = { 'x-api-key': await insertKey(h.db, h.tenant.id, ['read', 'write', 'admin']) }
  expect((await h.call('GET', url)).status).toBe(403)
  expect((await h.call('GET', url, undefined, admin)).body.dead_letters).toMatchObject([{ id }])
  const replay = `${path}/${id!}/replay?tenant_id=${other.id}`
  expect((await h.call('POST', replay)).status).toBe(403)
  expect((await h.call('POST', replay, undefined, admin)).body).toMatchObject({ applied: 1 })
  const rows = await h.db`select tenant_id from feedback where key = 'kept'`
  expect(rows).toEqual([{ tenantId: other.id }])
})

test('what is attached to a replayed event counts as just used, because its letter is gone before it is applied', async () => {
  const h = await harness()
  const blobId = randomUUID()
  const long = '2026-01-01T00:00:00Z'
  await h.db`
    insert into blobs (tenant_id, id, size, sha256, created_at, used_at)
    values (${h.tenant.id}, ${blobId}, 1, ${Buffer.alloc(32)}, ${long}, ${long})`
  const attachments = attachmentsMap([{ name: 'a', blobId, mimeType: 'text/plain', size: 1 }])
  const [id] = await keep(h, [runEvent(randomUUID(), { attachments })], 'attached')
  const before = h.clock.now()
  expect((await h.call('POST', `${path}/${id!}/replay`)).body).toMatchObject({ replayed: 1 })
  const [blob] = await h.db`select used_at >= ${before} as is_used from blobs where id = ${blobId}`
  expect(blob).toEqual({ isUsed: true })
})
