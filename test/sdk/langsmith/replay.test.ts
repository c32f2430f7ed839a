import { beforeEach, describe, expect, test } from 'vitest'
import { experimentAggregateRefreshDirty } from '../../../src/store/write/aggregates.ts'
import { harness, type Harness } from '../../support/harness.ts'
import { kindOf, readTraffic, startReplay, type RecordedRequest, type Replay } from './traffic.ts'

/**
 * What the real SDKs sent to a recorder, sent again. SPEC I2 Once and I3 Order-free, from the request to the row: the rows
 * are the same whatever order the data came in and however often.
 */

const day = 24 * 60 * 60 * 1000

let h: Harness

beforeEach(async () => {
  h = await harness()
})

describe.each(['js-0.10.11', 'py-0.14.0'])('traffic of langsmith %s', (recording) => {
  const traffic = readTraffic(recording)
  const only = (...kinds: ReturnType<typeof kindOf>[]) =>
    traffic.filter((request) => kinds.includes(kindOf(request)))

  test('every request is answered as the SDK needs it', async () => {
    const replay = startReplay(h, h.tenant)
    const differing: object[] = []
    for (const request of traffic) {
      const answer = await replay.send(request)
      if (answer.status !== request.status) differing.push({ ...answer, wanted: request.status })
      await h.drain()
    }
    expect(differing).toEqual([])
    expect(h.errors).toEqual([])
  })

  test('the rows are the same in the recorded order, shuffled, and sent three times', async () => {
    const asRecorded = await rowsAfter(only('control', 'data', 'change'))
    expect(Object.values(asRecorded).flat().length).toBeGreaterThan(20)
    const orders: [string, RecordedRequest[]][] = [
      ['three times', only('data').flatMap((request) => [request, request, request])],
      ['backwards', only('data').toReversed()],
      ...[1, 2, 3].map((seed): [string, RecordedRequest[]] => [
        `shuffled by ${seed}`,
        shuffled(only('data'), seed),
      ]),
      ['three times, shuffled', shuffled([...only('data'), ...only('data'), ...only('data')], 4)],
    ]
    for (const [name, data] of orders) {
      const rows = await rowsAfter([...only('control'), ...data, ...only('change')])
      expect(rows, name).toEqual(asRecorded)
    }
    const received = asRecorded.runs!.filter((run) => (run as { v: string }).v === 'received')
    expect(received).toEqual([])
  })

  test('what the recorded deletions leave does not depend on the order before', async () => {
    const deletions = [...only('change'), ...only('delete')]
    const asRecorded = await rowsAfter([...only('control', 'data'), ...deletions])
    const data = shuffled([...only('data'), ...only('data')], 5)
    expect(await rowsAfter([...only('control'), ...data, ...deletions])).toEqual(asRecorded)
  })
})

/** Sends them to a tenant of their own, later than before. @returns the rows that are left, by table */
async function rowsAfter(requests: RecordedRequest[]): Promise<Record<string, unknown[]>> {
  const tenant = await h.addTenant()
  h.clock.advance(day)
  const replay = startReplay(h, tenant)
  for (const request of requests) {
    const answer = await replay.send(request)
    expect(answer).toMatchObject({ status: request.status })
  }
  await h.drain()
  const rows = await rowsOf(tenant.id, replay)
  expect(h.errors).toEqual([])
  return rows
}

const tables = [
  'comparative_experiments',
  'dataset_tags',
  'datasets',
  'dead_letters',
  'examples',
  'experiment_aggregates',
  'experiments',
  'feedback',
  'feedback_configs',
  'run_items',
  'runs',
  'traces',
]

/** When something was received, and what follows from it. */
const receipts =
  /^(?:tenant_id|created_at|updated_at|deleted_at|valid_from|valid_to|version_at|as_of|example_version|fv|m|.*_v)$/

async function rowsOf(tenantId: string, replay: Replay): Promise<Record<string, unknown[]>> {
  const named = await h.db<{ id: string; name: string }[]>`
    select id, name from experiments where tenant_id = ${tenantId}`
  await experimentAggregateRefreshDirty(
    h.db,
    tenantId,
    named.map(({ id }) => id),
  )
  const rows: Record<string, unknown[]> = {}
  for (const table of tables) {
    const found = await h.db<{ row: string }[]>`
      select to_json(t)::text as row from ${h.db(table)} as t where tenant_id = ${tenantId}`
    const texts = found.map(({ row }) => {
      // A version has more digits than a number keeps.
      const values = JSON.parse(row.replace(/"v":(\d+)/, '"v":"$1"')) as Record<string, unknown>
      const kept = Object.entries(values)
        .filter(([column]) => !receipts.test(column) && !isReceipt(table, column))
        .map(([column, value]) => [column, column === 'v' ? versionOf(String(value)) : value])
      let text = replay.asRecorded(JSON.stringify(Object.fromEntries(kept)))
      // Projects that runs made by naming them have ids that no recording knows.
      for (const { id, name } of named) text = text.replaceAll(id, name)
      return text
    })
    rows[table] = texts.toSorted().map((text) => JSON.parse(text) as unknown)
  }
  return rows
}

/** When the recordings were made; the test clock is long before. */
const recordedAt = BigInt(Date.UTC(2026, 10, 21))

/**
 * Rank and time of a version (domain/events.ts) where they are the client's. Its hash is of a text that holds the ids that
 * the server gave.
 */
function versionOf(version: string): string {
  const ms = (BigInt(version) >> 20n) & (2n ** 42n - 1n)
  return ms < recordedAt ? 'received' : String(BigInt(version) >> 20n)
}

/** An experiment starts when it is made; the id of a run item comes from that of its experiment. */
function isReceipt(table: string, column: string): boolean {
  return (
    (table === 'experiments' && column === 'start_time') ||
    (table === 'run_items' && column === 'id')
  )
}

/** Fisher and Yates, with a small generator (mulberry32): the same order for the same seed. */
function shuffled<T>(list: readonly T[], seed: number): T[] {
  const copy = [...list]
  let state = seed
  const random = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    ;[copy[i], copy[j]] = [copy[j]!, copy[i]!]
  }
  return copy
}
