import { randomUUID } from 'node:crypto'
import { afterEach, expect, test, vi } from 'vitest'
import { deadLettersCommand } from '../../src/cli/dead-letters-command.ts'
import type { IngestEvent } from '../../src/domain/events.ts'
import { deadLetterInsert } from '../../src/store/write/dead-letters.ts'
import { connect, run } from '../support/command-line.ts'
import { feedbackOn } from '../support/comparison-rows.ts'
import { harness, type Harness } from '../support/harness.ts'
import { insertKey, insertTenant } from '../support/tenant.ts'

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

const dead = async (...args: string[]) => run(deadLettersCommand, args)

/** Keeps events that could be applied now. */
async function keep(h: Harness, count: number, reason: string, tenantId = h.tenant.id) {
  for (let i = 0; i < count; i++) {
    const event: IngestEvent = feedbackOn({ id: randomUUID() }, 'kept', i)
    const now = h.clock.now()
    const letter = { tenantId, batchId: randomUUID(), event, reason, receivedAt: now, now }
    await deadLetterInsert(h.db, letter)
  }
}

async function listed(...args: string[]): Promise<{ id: string; reason: string }[]> {
  return JSON.parse((await dead('list', '--json', ...args)).printed)
}

async function scoresOf(h: Harness, tenantId = h.tenant.id): Promise<number> {
  await h.drain()
  const [row] = await h.db<{ n: number }[]>`
    select count(*)::integer as n from feedback where tenant_id = ${tenantId} and key = 'kept'`
  return row!.n
}

test('dead letters are listed by a filter over several pages, counted by reason, and shown with their event', async () => {
  const h = await harness()
  await connect(h)
  expect(await dead('list')).toEqual({ code: 0, printed: 'There are no such dead letters.' })
  await keep(h, 120, 'Too slow')
  await keep(h, 1, 'too large\nby far')
  expect(await listed('--limit', '200')).toHaveLength(121)
  for (const limit of ['0', '1.5', 'x']) {
    expect(await dead('list', '--limit', limit)).toEqual({
      code: 64,
      printed: `--limit takes a whole number of 1 or more, not ${limit}`,
    })
  }
  expect(await listed('--limit', '105', '--reason', 'too SLOW')).toHaveLength(105)
  const [large] = await listed('--reason-is', 'too large\nby far')
  const lines = (await dead('list', '--reason', 'large')).printed.split('\n')
  expect(lines).toEqual([
    expect.stringMatching(/^id +received +kind +row +bytes +reason$/),
    expect.stringMatching(new RegExp(`^${large!.id} .* feedback .* too large by far$`)),
  ])
  expect((await dead('reasons')).printed.split('\n')[0]).toBe('120  Too slow')
  const { code, printed } = await dead('show', large!.id)
  expect({ code, letter: JSON.parse(printed) }).toMatchObject({
    code: 0,
    letter: { id: large!.id, event: { kind: 'feedback' } },
  })
})

test('one, those of a filter and all are replayed; a repeat adds nothing', async () => {
  const h = await harness()
  await connect(h)
  await keep(h, 3, 'first')
  await keep(h, 250, 'second')
  const [one] = await listed('--reason', 'first')
  expect(await dead('replay', one!.id)).toEqual({
    code: 0,
    printed: '1 replayed: 1 applied, 0 refused again, 0 still in the queue',
  })
  expect((await dead('replay', one!.id)).code).toBe(2)
  const rest = await dead('replay', '--reason', 'first', '--json')
  expect(JSON.parse(rest.printed)).toMatchObject({ replayed: 2, refused: [] })
  const all = await dead('replay', '--all', '--json')
  expect(JSON.parse(all.printed)).toMatchObject({ replayed: 250, refused: [] })
  expect(await scoresOf(h)).toBe(253)
  expect(await dead('replay', '--all')).toMatchObject({
    code: 0,
    printed: expect.stringMatching(/^0 replayed/),
  })
  expect(await scoresOf(h)).toBe(253)
})

test('what is refused again ends the replay with 1 and is printed with its new id', async () => {
  const h = await harness()
  await connect(h)
  await h.ingest(feedbackOn({ id: randomUUID() }, 'broken', 1, { score: 'no JSON' }))
  h.errors.length = 0
  const [before] = await listed()
  const { code, printed } = await dead('replay', '--all')
  const [after] = await listed()
  expect(after!.id).not.toBe(before!.id)
  expect(code).toBe(1)
  expect(printed.split('\n')).toEqual([
    '1 replayed: 0 applied, 1 refused again, 0 still in the queue',
    `refused again: ${after!.id}`,
  ])
  h.errors.length = 0
})

test('one, those of a filter and all are discarded, however many, and never without being named', async () => {
  const h = await harness()
  await connect(h)
  await keep(h, 2, 'first')
  await keep(h, 1100, 'second')
  const [one] = await listed('--reason', 'first')
  expect(await dead('discard', one!.id)).toEqual({ code: 0, printed: '1 discarded' })
  expect((await dead('discard', one!.id)).code).toBe(2)
  for (const args of [['discard'], ['replay'], ['discard', '--all', '--kind', 'run'], ['burn']]) {
    expect((await dead(...args)).code).toBe(64)
  }
  expect(await dead('discard', '--kind', 'run')).toEqual({ code: 0, printed: '0 discarded' })
  expect((await dead('discard', '--reason', 'first')).printed).toBe('1 discarded')
  expect((await dead('discard', '--all')).printed).toBe('1100 discarded')
  expect(await listed()).toEqual([])
  expect(await scoresOf(h)).toBe(0)
})

test('another tenant is handled with a key of the scope admin alone', async () => {
  const h = await harness()
  const other = await insertTenant(h.db)
  await keep(h, 1, 'theirs', other.id)
  await connect(h)
  expect((await dead('list', '--tenant', other.id)).code).toBe(64)
  expect((await dead('replay', '--all', '--tenant', other.id)).code).toBe(64)
  expect((await dead('discard', '--all', '--tenant', other.id)).code).toBe(64)
  await connect(h, await insertKey(h.db, h.tenant.id, ['read', 'write', 'admin']))
  expect(await listed()).toEqual([])
  expect(await listed('--tenant', other.id)).toHaveLength(1)
  expect((await dead('replay', '--all', '--tenant', other.id)).code).toBe(0)
  expect(await scoresOf(h, other.id)).toBe(1)
})
