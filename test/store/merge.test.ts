import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { entityFields, type EntityKind, type JsonMap } from '../../src/domain/entities.ts'
import { eventVersion, type IngestEvent } from '../../src/domain/events.ts'
import { sortByCodePoint } from '../../src/domain/fold.ts'
import { deriveId, runItemId } from '../../src/domain/ids.ts'
import { previewOf } from '../../src/domain/json.ts'
import { fromEpochMs } from '../../src/domain/timestamp.ts'
import { isRetryable } from '../../src/store/errors.ts'
import { closePool, openPool, type Db } from '../../src/store/pool.ts'
import { applyEvents } from '../../src/store/write/ingest.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'

/**
 * SPEC I2 Once, I3 Order-free, I4 Merge: the same events, in any order, with any repetition and split into any batches,
 * by one worker or two at once, give the rows that a plain reading of the rules gives.
 */

/** Streams of events in one run of the suite, other ones each time. `bash .ci/run` tries 1,000. */
const streams = Number(process.env.RUNMILL_MERGE_STREAMS ?? 400)
/** Set it to any number, which chooses the streams, to look for the smallest stream that fails. */
const seed = process.env.RUNMILL_MERGE_SEED
/** Several streams share a transaction, as several tenants do in production. */
const streamsPerRun = seed === undefined ? 20 : 1

const start = Date.UTC(2026, 0, 1)
const experiment = deriveId('test', 'experiment')
const example = deriveId('test', 'example')
const runs = ['a', 'b', 'c'].map((name) => deriveId('test', 'run', name))
const traces = [runs[0]!, deriveId('test', 'trace')]
const feedbackIds = ['x', 'y'].map((name) => deriveId('test', 'feedback', name))

const time = fc.integer({ min: 0, max: 5 }).map((second) => fromEpochMs(start + second * 1000)!)
const text = fc.constantFrom('one', 'two', 'drei €', 'quote " \\ {}', '')
const json = fc.constantFrom(
  '1',
  '1.0',
  '12345678901234567890',
  '"\\u0000"',
  '{"b":1, "a":[2]}',
  'null',
)
const map = fc.dictionary(
  fc.constantFrom('a', 'b', 'é', 'Z', '10', '\u{1f600}'),
  json.map(jsonbSafe),
  {
    maxKeys: 3,
  },
)
const tokens = fc.record({
  promptTokens: fc.integer({ min: 0, max: 9 }),
  completionTokens: fc.constant(1),
  totalTokens: fc.integer({ min: 1, max: 10 }),
  totalCost: fc.constantFrom('0.000001', '12.50'),
})

function jsonbSafe(value: string): string {
  return value.includes('u0000') ? '"\\ufffd"' : value
}

function optional<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null | undefined> {
  return fc.oneof(
    { weight: 3, arbitrary },
    { weight: 1, arbitrary: fc.constant(null) },
    { weight: 3, arbitrary: fc.constant(undefined) },
  )
}

/** The trace of a run never changes. Every other field may be set by any event, or by none. */
const runPatch = (index: number): fc.Arbitrary<object> =>
  fc
    .record({
      name: optional(text),
      runType: optional(fc.constantFrom('llm', 'chain')),
      startTime: optional(time),
      endTime: optional(time),
      inputs: optional(json),
      outputs: optional(json),
      error: optional(json),
      tags: optional(fc.array(text, { maxLength: 2 })),
      metadata: optional(map),
      extra: optional(map),
      environment: optional(text),
      usage: optional(tokens),
      isPlaced: fc.boolean(),
    })
    .map(({ usage, isPlaced, ...patch }) => ({
      ...patch,
      ...usage,
      createdAt: fromEpochMs(start)!,
      ...(isPlaced ? placeOf(index) : {}),
    }))

function placeOf(index: number): object {
  const isRoot = index === 0
  return {
    traceId: isRoot ? runs[0] : traces[1],
    experimentId: experiment,
    ...(index === 2 ? { parentRunId: runs[1] } : {}),
    ...(isRoot ? { referenceExampleId: example } : {}),
  }
}

const tracePatch = fc.record({
  name: optional(text),
  tags: optional(fc.array(text, { maxLength: 3 })),
  metadata: optional(map),
  inputs: optional(json),
  environment: optional(text),
  isPublic: optional(fc.boolean()),
})

const feedbackPatch = fc.record({
  key: optional(text),
  runId: fc.constant(runs[0]),
  comment: optional(text),
  value: optional(json),
  metadata: optional(map),
  environment: optional(text),
})

/** Events that each set one field that accumulates: a repeat of the newest must not hide what came with it. */
const collected = fc.oneof(fc.record({ metadata: map }), fc.record({ metadata: map, name: text }))
const tagged = fc.record({ tags: fc.array(text, { minLength: 1, maxLength: 2 }) })

const eventSeed = fc.oneof(
  ...runs.map((id, index) =>
    fc.record({ kind: fc.constant('run'), id: fc.constant(id), patch: runPatch(index) }),
  ),
  fc.record({ kind: fc.constant('trace'), id: fc.constantFrom(...traces), patch: tracePatch }),
  fc.record({
    kind: fc.constant('feedback'),
    id: fc.constantFrom(...feedbackIds),
    patch: feedbackPatch,
  }),
  fc.record({
    kind: fc.constant('run'),
    id: fc.constant(runs[2]!),
    patch: fc.oneof(collected, tagged),
  }),
)

const stream = fc
  .array(fc.record({ seed: eventSeed, rank: fc.constantFrom('create', 'update'), time }), {
    minLength: 1,
    maxLength: 10,
  })
  .map((seeds) =>
    seeds.map(({ seed, rank, time: at }, i): IngestEvent => {
      const patch = Object.fromEntries(
        Object.entries(seed.patch).filter(([, value]) => value !== undefined),
      )
      return {
        ...seed,
        externalId: null,
        version: eventVersion(rank, at, `${i}`),
        patch,
      }
    }),
  )

/** A way to deliver events: shuffled, some of them twice, cut into batches, by two workers. */
const delivery = fc.record({
  order: fc.array(fc.nat(), { minLength: 400, maxLength: 400 }),
  repeated: fc.array(fc.nat(), { maxLength: 30 }),
  cuts: fc.array(fc.nat(), { minLength: 1, maxLength: 6 }),
})

let database: TestDatabase
let db: Db

beforeAll(async () => {
  database = await createTestDatabase()
  db = openPool(database.url, { max: 4 })
})

afterAll(async () => {
  await closePool(db)
  await database.drop()
})

describe('I2 I3 I4', () => {
  test('the same events, in any order, repeated, split and by two workers, give the rows of the rules', async () => {
    const property = fc.asyncProperty(
      fc.array(stream, { minLength: streamsPerRun, maxLength: streamsPerRun }),
      delivery,
      delivery,
      async (manyStreams, one, two) => {
        const alone = await insertTenants(manyStreams.length)
        await applyInOrder(deliver(manyStreams, alone, one))
        const concurrent = await insertTenants(manyStreams.length)
        const batches = deliver(manyStreams, concurrent, two)
        const half = Math.ceil(batches.length / 2)
        await Promise.all([batches.slice(0, half), batches.slice(half)].map(applyInOrder))
        const tables = await readTables([...alone, ...concurrent])
        for (const [i, events] of manyStreams.entries()) {
          const expected = readByTheRules(events)
          expectTables(tables.get(alone[i]!)!, expected, `stream ${i}, by one worker`)
          expectTables(tables.get(concurrent[i]!)!, expected, `stream ${i}, by two workers`)
        }
      },
    )
    await fc.assert(property, {
      numRuns: Math.ceil(streams / streamsPerRun),
      // Shrinking takes a minute, and only a single stream gets small.
      ...(seed === undefined ? { endOnFailure: true } : { seed: Number(seed) }),
    })
  }, 900_000)

  test.each([
    { kind: 'run', older: { metadata: { a: '1' } }, newer: { metadata: { b: '2' } } },
    { kind: 'feedback', older: { metadata: { a: '1' } }, newer: { metadata: { b: '2' } } },
    { kind: 'trace', older: { tags: ['a'] }, newer: { tags: ['b'] } },
  ] as const)(
    'what an older event says of a $kind stays when it comes with a repeat of a newer one',
    async ({ kind, older, newer }) => {
      const [tenantId] = await insertTenants(1)
      const events = [older, newer].map((patch, second) => {
        const version = eventVersion('update', fromEpochMs(start + second * 1000)!, '')
        const event = { kind, id: runs[1]!, externalId: null, version, patch } as IngestEvent
        return event
      })

      await applyEvents(db, tenantId!, [events[1]!])
      await applyEvents(db, tenantId!, events)

      const tables = await readTables([tenantId!])
      expect(tables.get(tenantId!)).toEqual(readByTheRules(events))
    },
  )
})

async function applyInOrder(batches: TenantEvent[][]): Promise<void> {
  for (const batch of batches) await applyLikeAWorker(batch)
}

interface TenantEvent {
  tenantId: string
  event: IngestEvent
}

/**
 * Each tenant in a transaction of its own. Two workers may deadlock. Then one of them is told to try again, as
 * workers/ingest.ts does.
 */
async function applyLikeAWorker(batch: TenantEvent[]): Promise<void> {
  for (const tenantId of new Set(batch.map((each) => each.tenantId))) {
    const own = batch.filter((each) => each.tenantId === tenantId).map(({ event }) => event)
    while (!(await isApplied(tenantId, own)));
  }
}

async function isApplied(tenantId: string, events: IngestEvent[]): Promise<boolean> {
  try {
    await applyEvents(db, tenantId, events)
    return true
  } catch (error) {
    if (!isRetryable(error)) throw error
    return false
  }
}

let tenants = 0

async function insertTenants(count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => deriveId('tenant', String(tenants++)))
  await db`insert into tenants (id, name, created_at) select unnest(${ids}::uuid[]), 'test', now()`
  await db`
    insert into experiments (tenant_id, id, name, name_scope, start_time, created_at, updated_at)
    select unnest(${ids}::uuid[]), ${experiment}, 'e', ${experiment}, now(), now(), now()`
  return ids
}

function deliver(
  manyStreams: IngestEvent[][],
  tenantIds: string[],
  { order, repeated, cuts }: { order: number[]; repeated: number[]; cuts: number[] },
): TenantEvent[][] {
  const events = manyStreams.flatMap((list, i) =>
    list.map((event) => ({ tenantId: tenantIds[i]!, event })),
  )
  const twice = [...events, ...repeated.map((i) => events[i % events.length]!)]
  const shuffled = twice
    .map((event, i) => ({ event, place: order[i % order.length]! * (i + 1) }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ event }) => event)
  const places = [...new Set(cuts.map((cut) => cut % shuffled.length)), shuffled.length].toSorted(
    (a, b) => a - b,
  )
  return places
    .map((place, i) => shuffled.slice(places[i - 1] ?? 0, place))
    .filter((batch) => batch.length > 0)
}

type PlainRow = Record<string, unknown>

/** The rules of SPEC I4 in their plainest form: no clocks, no folding, all events of a row at once. */
function readByTheRules(events: IngestEvent[]): Record<string, PlainRow[]> {
  const tables: Record<string, PlainRow[]> = { run: [], trace: [], feedback: [] }
  for (const kind of ['run', 'trace', 'feedback'] as const) {
    const ids = [
      ...new Set(events.filter((event) => event.kind === kind).map((event) => event.id)),
    ].toSorted()
    tables[kind] = ids.map((id) => ({
      id,
      ...plainRow(
        kind,
        events.filter((event) => event.kind === kind && event.id === id),
      ),
    }))
  }
  const ofTraces = new Set(tables.run!.map((run) => run.traceId).filter((id) => id !== null))
  for (const traceId of ofTraces) {
    if (!tables.trace!.some((trace) => trace.id === traceId)) {
      tables.trace!.push({ id: traceId, ...plainRow('trace', []) })
    }
  }
  tables.trace = tables
    .trace!.map((trace) => ({
      ...trace,
      ...rollups(tables.run!.filter((run) => run.traceId === trace.id)),
    }))
    .toSorted((a, b) => (String(a.id) < String(b.id) ? -1 : 1))
  const root = tables.run!.find((run) => run.id === runs[0] && run.traceId !== null)
  tables.items = root === undefined ? [] : [{ id: runItemId(experiment, example, runs[0]!, null) }]
  return tables
}

function plainRow(kind: EntityKind, events: IngestEvent[]): PlainRow {
  const row: PlainRow = {}
  for (const field of entityFields[kind]) {
    const properties = Object.keys(field.columns)
    const said = events
      .map((event) => ({ version: BigInt(event.version), patch: event.patch as PlainRow }))
      .filter(({ patch }) => properties.some((property) => patch[property] !== undefined))
      .toSorted((a, b) => (a.version < b.version ? -1 : 1))
    for (const property of properties) {
      const values = said.map(({ patch }) => patch[property])
      if (field.rule === 'newest') {
        row[property] = values.at(-1) ?? previewIn(said.at(-1)?.patch ?? {}, property)
      }
      if (field.rule === 'first') row[property] = values[0] ?? null
      if (field.rule === 'union') row[property] = unionOf(values as (string[] | null)[])
      if (field.rule === 'map') row[property] = mapOf(values as (JsonMap | null)[])
    }
  }
  return row
}

/** A preview that was not sent is that of the payload that was sent. */
function previewIn(patch: PlainRow, property: string): string | null {
  const payload = property.endsWith('Preview') ? patch[property.replace('Preview', '')] : null
  return typeof payload === 'string' ? previewOf(payload) : null
}

function unionOf(lists: (string[] | null)[]): string[] | null {
  const all = lists.flatMap((list) => list ?? [])
  return all.length === 0 ? null : sortByCodePoint([...new Set(all)])
}

/** Joins maps, and parses the values, because jsonb spells numbers in its own way. */
function mapOf(maps: (JsonMap | null)[]): PlainRow | null {
  const entries = maps.flatMap((each) => Object.entries(each ?? {}))
  return entries.length === 0
    ? null
    : Object.fromEntries(entries.map(([key, value]) => [key, JSON.parse(value)]))
}

function rollups(ofTrace: PlainRow[]): PlainRow {
  const sources = ofTrace.filter((run) => run.runType === 'llm' && run.totalTokens !== null)
  const starts = ofTrace.map((run) => run.startTime as string | null).filter((at) => at !== null)
  const isError = (run: PlainRow): boolean => run.error !== null && run.error !== 'null'
  return {
    runCount: ofTrace.length,
    errorCount: ofTrace.filter(isError).length,
    totalTokens:
      sources.length === 0 ? null : sources.reduce((sum, run) => sum + Number(run.totalTokens), 0),
    startTime: starts.toSorted()[0] ?? null,
  }
}

/** The rows of many tenants, by tenant and table. They are read at once, because each read is planned. */
async function readTables(tenantIds: string[]): Promise<Map<string, Record<string, PlainRow[]>>> {
  const shown = {
    run: (row: PlainRow) => pick('run', row),
    trace: (row: PlainRow) => ({
      ...pick('trace', row),
      runCount: row.runCount,
      errorCount: row.errorCount,
      totalTokens: row.totalTokens,
      startTime: row.startTime,
    }),
    feedback: (row: PlainRow) => pick('feedback', row),
    items: ({ id }: PlainRow) => ({ id }),
  }
  const names = { run: 'runs', trace: 'traces', feedback: 'feedback', items: 'run_items' }
  const tables = new Map(
    tenantIds.map((id): [string, Record<string, PlainRow[]>] => [
      id,
      { run: [], trace: [], feedback: [], items: [] },
    ]),
  )
  for (const table of ['run', 'trace', 'feedback', 'items'] as const) {
    const rows = await db<(PlainRow & { tenantId: string })[]>`
      select * from ${db(names[table])} where tenant_id = any(${tenantIds}::uuid[]) order by id`
    for (const row of rows) tables.get(row.tenantId)![table]!.push(shown[table](row))
  }
  return tables
}

/** Compares table by table and row by row, so that a difference says where it is. */
function expectTables(
  actual: Record<string, PlainRow[]>,
  expected: Record<string, PlainRow[]>,
  delivered: string,
): void {
  for (const [table, rows] of Object.entries(expected)) {
    const idsOf = (list: PlainRow[]) => list.map(({ id }) => id)
    expect(idsOf(actual[table]!), `${delivered}: ids of ${table}`).toEqual(idsOf(rows))
    for (const [i, row] of rows.entries()) {
      const read = actual[table]![i]
      if (isDeepStrictEqual(read, row)) continue
      expect(read, `${delivered}: ${table} ${String(row.id)}`).toEqual(row)
    }
  }
}

function pick(kind: EntityKind, row: PlainRow): PlainRow {
  const picked: PlainRow = { id: row.id }
  for (const field of entityFields[kind]) {
    for (const property of Object.keys(field.columns)) {
      const value = row[property]
      picked[property] =
        field.rule === 'map' && typeof value === 'string' ? JSON.parse(value) : value
    }
  }
  return picked
}
