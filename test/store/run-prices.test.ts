import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Run } from '../../src/domain/entities.ts'
import { eventVersion, type IngestEvent } from '../../src/domain/events.ts'
import { deriveId } from '../../src/domain/ids.ts'
import { fromEpochMs } from '../../src/domain/timestamp.ts'
import { isRetryable } from '../../src/store/errors.ts'
import { closePool, openPool, type Db } from '../../src/store/pool.ts'
import {
  experimentAggregateRebuild,
  experimentAggregateRefreshDirty,
} from '../../src/store/write/aggregates/aggregates.ts'
import { experimentListDirty } from '../../src/store/read/experiments/experiments.ts'
import { applyEvents } from '../../src/store/write/ingest.ts'
import { modelPriceDelete } from '../../src/store/write/prices/model-prices.ts'
import {
  repricingFind,
  repricingInsert,
  repricingStep,
} from '../../src/store/write/prices/repricings.ts'
import { createRunPricer } from '../../src/store/write/prices/run-prices.ts'
import { addPrice } from '../support/model-prices.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { insertTenant } from '../support/tenant.ts'

/** SPEC I14: the cost of a run depends on its row and on the prices, and on nothing else. */

/** A nightly run may use more. */
const streams = Number(process.env.RUNMILL_PRICE_STREAMS ?? 300)
const streamsPerRun = 50

const begin = Date.UTC(2026, 0, 1)
const at = (hour: number) => fromEpochMs(begin + hour * 3_600_000)!
/** From this hour on, `gpt-test` costs ten times as much. */
const raisedAt = 3

let database: TestDatabase
let db: Db
/** Workers are processes of their own, so each knows of prices what it has read itself. */
const workers = [createRunPricer(() => {}), createRunPricer(() => {})] as const

beforeAll(async () => {
  database = await createTestDatabase()
  db = openPool(database.url, { max: 6 })
})

afterAll(async () => {
  await closePool(db)
  await database.drop()
})

async function newTenant(): Promise<{ tenantId: string; experimentId: string }> {
  const { id: tenantId } = await insertTenant(db)
  const experimentId = deriveId('test', tenantId)
  await db`
    insert into experiments (tenant_id, id, name, name_scope, start_time, created_at, updated_at)
    values (${tenantId}, ${experimentId}, 'e', ${deriveId('nil')}, now(), now(), now())`
  return { tenantId, experimentId }
}

async function apply(tenantId: string, events: IngestEvent[], worker: 0 | 1 = 0): Promise<void> {
  for (;;) {
    try {
      await applyEvents(db, tenantId, events, workers[worker])
      return
    } catch (error) {
      if (!isRetryable(error)) throw error
    }
  }
}

function runEvent(
  id: string,
  second: number,
  patch: Partial<Run>,
  kind: 'create' | 'update' = 'update',
): IngestEvent {
  const version = eventVersion(kind, fromEpochMs(begin + second * 1000)!, `${id} ${second}`)
  return { kind: 'run', id, externalId: null, version, patch }
}

const tokens = (promptTokens: number, completionTokens: number): Partial<Run> => ({
  promptTokens,
  completionTokens,
  totalTokens: promptTokens + completionTokens,
  usageDetails: `{"usage_details":{"input":${promptTokens},"output":${completionTokens}}}`,
})

const sentCost = (totalCost: string | null): Partial<Run> => ({
  promptCost: null,
  completionCost: null,
  totalCost,
  costDetails: totalCost === null ? null : `{"total":${totalCost}}`,
})

async function costsOf(tenantId: string, ids: string[]) {
  return db<{ id: string; totalCost: string | null }[]>`
    select id, total_cost::text as total_cost from runs
    where tenant_id = ${tenantId} and id = any (${ids}::uuid[]) order by id`
}

async function costOf(tenantId: string, id: string): Promise<string | null> {
  return (await costsOf(tenantId, [id]))[0]!.totalCost
}

async function addTestPrices(tenantId: string): Promise<void> {
  await addPrice(db, tenantId, { name: 'base', matchPattern: '^gpt-test$' })
  await addPrice(db, tenantId, {
    name: 'raised',
    matchPattern: '^gpt-test$',
    startTime: at(raisedAt),
    prices: { input: '0.00001', output: '0.00002' },
  })
}

interface Step {
  run: number
  what: Partial<Run>
}

const step: fc.Arbitrary<Step> = fc.record({
  run: fc.integer({ min: 0, max: 2 }),
  what: fc.oneof(
    fc.constantFrom('gpt-test', 'unknown', null).map((model) => ({ model }) as Partial<Run>),
    fc
      .tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 }))
      .map(([a, b]) => tokens(a, b)),
    fc.constantFrom('0.5', '0', null).map(sentCost),
    fc.constantFrom('llm', 'chain').map((runType) => ({ runType })),
    fc.integer({ min: 0, max: 5 }).map((hour) => ({ startTime: at(hour) })),
    fc.constant<Partial<Run>>({ tags: ['late'] }),
  ),
})

/** What a run needs to have a cost, told apart. Random steps alone would seldom come to that. */
const base: Step[] = [0, 1].flatMap((run) => [
  { run, what: { runType: 'llm' } },
  { run, what: { model: 'gpt-test' } },
  { run, what: { startTime: at(1) } },
  { run, what: tokens(3, 4) },
])

/** A stream of events, and how it is delivered: in another order, some twice, and cut into batches for two workers. */
const stream = fc
  .array(step, { minLength: 4, maxLength: 14 })
  .map((steps) => [...base, ...steps])
  .chain((steps) =>
    fc.record({
      steps: fc.constant(steps),
      order: fc.shuffledSubarray([...steps.keys(), ...steps.keys()], {
        minLength: steps.length * 2,
      }),
    }),
  )

/** What SPEC I4 and I14 say, read plainly: the total cost of a run after all steps. */
function expectedTotal(steps: Step[]): string | null {
  const newest = <K extends keyof Run>(key: K): Run[K] | null =>
    steps.findLast(({ what }) => key in what)?.what[key] ?? null
  const startTime = steps.find(({ what }) => 'startTime' in what)?.what.startTime
  if (newest('totalCost') !== null) return String(Number(newest('totalCost')))
  if (newest('runType') !== 'llm' || newest('model') !== 'gpt-test') return null
  if (startTime === undefined || newest('totalTokens') === null) return null
  const millionths = newest('promptTokens')! + 2 * newest('completionTokens')!
  const times = startTime >= at(raisedAt) ? 10 : 1
  return String((millionths * times) / 1e6)
}

describe('order-free', () => {
  test('streams of model, usage and cost, shuffled and repeated, by two workers at once, give one result in rows, traces and aggregates', {
    timeout: 300_000,
  }, async () => {
    let round = 0
    const property = fc.asyncProperty(
      fc.array(stream, { minLength: streamsPerRun, maxLength: streamsPerRun }),
      async (given) => {
        const { tenantId, experimentId } = await newTenant()
        await addTestPrices(tenantId)
        const name = `round ${round++}`
        const runId = (i: number, run: number) => deriveId('test', name, String(i), String(run))
        const events = given.map(({ steps }, i) =>
          steps.map(({ run, what }, second) =>
            runEvent(runId(i, run), second, {
              traceId: runId(i, 0),
              experimentId,
              ...(run === 0 ? {} : { parentRunId: runId(i, 0) }),
              ...what,
            }),
          ),
        )
        const delivered = given.map(({ order }, i) => order.map((place) => events[i]![place]!))
        const length = Math.max(...delivered.map((each) => each.length))
        const cuts = [0, Math.ceil(length / 3), Math.ceil((2 * length) / 3), length]
        const batches = cuts
          .slice(1)
          .map((end, k) => delivered.flatMap((each) => each.slice(cuts[k], end)))
        await Promise.all([
          apply(tenantId, batches[0]!, 0).then(async () => apply(tenantId, batches[1]!, 0)),
          apply(tenantId, batches[2]!, 1),
        ])

        const wanted = new Map<string, string | null>()
        given.forEach(({ steps }, i) => {
          for (const run of [0, 1, 2]) {
            const own = steps.filter((each) => each.run === run)
            if (own.length > 0) wanted.set(runId(i, run), expectedTotal(own))
          }
        })
        const rows = await db<{ id: string; totalCost: string | null }[]>`
            select id, total_cost::text as total_cost from runs where tenant_id = ${tenantId}`
        const shown = rows.map(({ id, totalCost }) => [
          id,
          totalCost === null ? null : String(Number(totalCost)),
        ])
        expect(Object.fromEntries(shown)).toEqual(Object.fromEntries(wanted))

        await expectDerived(tenantId, experimentId)
        // Once more: nothing changes any more, not even a row's version.
        const before = await snapshot(tenantId)
        await apply(tenantId, delivered.flat(), 1)
        expect(await snapshot(tenantId)).toEqual(before)
      },
    )
    await fc.assert(property, { numRuns: Math.ceil(streams / streamsPerRun), endOnFailure: true })
  })
})

/** Roll-ups and aggregates are sums over rows. */
async function expectDerived(tenantId: string, experimentId: string): Promise<void> {
  const wrong = await db`
    select trace.id, trace.total_cost, own.total_cost as summed
    from traces as trace
    join lateral (
      select sum(total_cost) filter (where run_type in ('llm', 'embedding')) as total_cost
      from runs where runs.tenant_id = trace.tenant_id and runs.trace_id = trace.id
    ) as own on true
    where trace.tenant_id = ${tenantId} and trace.total_cost is distinct from own.total_cost`
  expect(wrong).toEqual([])
  await experimentAggregateRefreshDirty(db, tenantId, [experimentId])
  const read = async () => db`
    select prompt_cost::text, completion_cost::text, total_cost::text from experiment_aggregates
    where tenant_id = ${tenantId}`
  const kept = await read()
  await experimentAggregateRebuild(db, tenantId, experimentId)
  expect(await read()).toEqual(kept)
}

async function snapshot(tenantId: string): Promise<{ id: string }[]> {
  return db<{ id: string }[]>`
    select id, prompt_cost::text, completion_cost::text, total_cost::text, cost_details, price from runs
    where tenant_id = ${tenantId} order by id`
}

describe('a computed cost', () => {
  const llm = (more: Partial<Run> = {}): Partial<Run> => ({
    runType: 'llm',
    startTime: at(1),
    model: 'gpt-test',
    ...tokens(3, 4),
    ...more,
  })

  test('gives way to what the client sends, before or after, and returns when that is cleared', async () => {
    const { tenantId } = await newTenant()
    await addTestPrices(tenantId)
    const id = deriveId('test', 'gives way')
    await apply(tenantId, [runEvent(id, 1, llm())])
    expect(await costOf(tenantId, id)).toBe('0.000011')
    await apply(tenantId, [runEvent(id, 3, sentCost('7'))])
    expect(await costOf(tenantId, id)).toBe('7')
    // An older word on the cost, and newer usage: the client's newest cost stays.
    await apply(tenantId, [runEvent(id, 2, sentCost('8')), runEvent(id, 4, tokens(100, 100))])
    expect(await costOf(tenantId, id)).toBe('7')
    const [row] = await db<{ price: string | null }[]>`select price from runs where id = ${id}`
    expect(row!.price).toBeNull()
    await apply(tenantId, [runEvent(id, 5, sentCost(null))])
    expect(await costOf(tenantId, id)).toBe('0.0003')
  })

  test('is computed for calls of models alone, and a run that turns out to be none loses it', async () => {
    const { tenantId } = await newTenant()
    await addTestPrices(tenantId)
    const [agent, call] = [deriveId('test', 'agent'), deriveId('test', 'call')]
    await apply(tenantId, [
      runEvent(agent, 1, llm({ runType: 'agent', traceId: agent })),
      runEvent(call, 1, llm({ traceId: agent, parentRunId: agent })),
    ])
    expect(await costOf(tenantId, agent)).toBeNull()
    const [trace] =
      await db`select total_cost::text, shown_cost::text from traces where id = ${agent}`
    expect(trace).toEqual({ totalCost: '0.000011', shownCost: '0.000011' })
    await apply(tenantId, [runEvent(call, 2, { runType: 'chain' })])
    expect(await costOf(tenantId, call)).toBeNull()
  })

  test('stays when prices change, until it is asked for; steps go on where the last one ended', async () => {
    const { tenantId, experimentId } = await newTenant()
    await addTestPrices(tenantId)
    const ids = Array.from({ length: 1201 }, (_, i) =>
      deriveId('test', 'recompute', String(i)),
    ).toSorted()
    for (let i = 0; i < ids.length; i += 400) {
      await apply(
        tenantId,
        ids.slice(i, i + 400).map((id) => runEvent(id, 1, llm({ traceId: id, experimentId }))),
      )
    }
    const [sent] = ids
    await apply(tenantId, [runEvent(sent!, 3, sentCost('7'))])
    for (const { id } of await db<
      { id: string }[]
    >`select id from model_prices where tenant_id = ${tenantId}`) {
      await modelPriceDelete(db, tenantId, id)
    }
    await addPrice(db, tenantId, {
      name: 'new',
      matchPattern: 'gpt',
      prices: { input: '1', output: '1' },
    })
    // An event that changes nothing that the cost depends on.
    await apply(tenantId, [runEvent(ids[1]!, 9, { tags: ['late'] })])
    expect(await costOf(tenantId, ids[1]!)).toBe('0.000011')

    const repricing = deriveId('test', 'repricing', tenantId)
    await repricingInsert(db, tenantId, repricing, { from: null, to: null }, at(9))
    const stepOf = async () => repricingStep(db, tenantId, repricing, workers[1], at(9))
    expect((await stepOf()).isFinished).toBe(false)
    expect(await repricingFind(db, tenantId, repricing)).toMatchObject({
      runsTotal: 1201,
      runsDone: 500,
      runsChanged: 499,
      finishedAt: null,
    })
    expect(await costsOf(tenantId, [ids[1]!, ids[600]!])).toMatchObject([
      { totalCost: '7' },
      { totalCost: '0.000011' },
    ])
    // A step that is broken off has done nothing.
    await expect(
      repricingStep(
        db,
        tenantId,
        repricing,
        { ...workers[1], price: async () => Promise.reject(new Error('killed')) },
        at(9),
      ),
    ).rejects.toThrow('killed')
    expect((await stepOf()).isFinished).toBe(false)
    expect((await stepOf()).isFinished).toBe(true)
    expect(await repricingFind(db, tenantId, repricing)).toMatchObject({
      runsDone: 1201,
      runsChanged: 1200,
      finishedAt: at(9),
    })
    const [sums] = await db`
      select sum(total_cost)::text as runs, (select sum(total_cost)::text from traces where tenant_id = ${tenantId}) as traces
      from runs where tenant_id = ${tenantId}`
    expect(sums).toEqual({ runs: String(1201 * 7), traces: String(1201 * 7) })
    expect(await experimentListDirty(db, tenantId, { ids: [experimentId] }, 1)).toEqual([
      experimentId,
    ])

    // Asked again, nothing changes.
    const again = deriveId('test', 'again', tenantId)
    await repricingInsert(db, tenantId, again, { from: null, to: null }, at(9))
    while (!(await repricingStep(db, tenantId, again, workers[0], at(9))).isFinished);
    expect(await repricingFind(db, tenantId, again)).toMatchObject({
      runsDone: 1201,
      runsChanged: 0,
    })
  })
})

describe('a run that is new', () => {
  /** Prices runs once they are written, as those that are stored already. */
  const afterwards = { ...workers[0], priceNew: async () => {} }

  const provider = fc.constantFrom(
    {},
    { ls_provider: '"openai"' },
    { ls_provider: 'null', attributes: '{"gen_ai.system":"anthropic"}' },
    {
      attributes: String.raw`{"a":1,"gen_ai.provider.name":"\u006fpenai","gen_ai.system":"azure"}`,
    },
    { attributes: '{"gen_ai.system":null}' },
    { attributes: '"gen_ai.system"' },
    { ls_provider: '7' },
  )
  const patch: fc.Arbitrary<Partial<Run>> = fc
    .record({
      runType: fc.constantFrom<Run['runType']>('llm', 'embedding', 'chain'),
      model: fc.constantFrom('gpt-test', 'gpt-4o', 'unknown', null),
      hour: fc.integer({ min: 0, max: 5 }),
      counts: fc.option(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 }))),
      cost: fc.constantFrom(undefined, null, '0', '0.5'),
      metadata: provider,
      hasStart: fc.boolean(),
    })
    .map(({ runType, model, hour, counts, cost, metadata, hasStart }) => ({
      runType,
      ...(model === null ? {} : { model }),
      ...(hasStart ? { startTime: at(hour) } : {}),
      ...(counts === null ? {} : tokens(...counts)),
      ...(cost === undefined ? {} : sentCost(cost)),
      metadata,
      extra: { invocation_params: '{"model":"gpt-test"}' },
      createdAt: at(hour),
    }))

  test('costs what it costs when it is priced once it is written', async () => {
    let round = 0
    await fc.assert(
      fc.asyncProperty(fc.array(patch, { minLength: 200, maxLength: 200 }), async (patches) => {
        const name = `new ${round++}`
        const { tenantId } = await newTenant()
        await addTestPrices(tenantId)
        const [before, after] = ['before', 'after'].map((when) =>
          patches.map((_, i) => deriveId('test', name, when, String(i))),
        ) as [string[], string[]]
        for (const [ids, prices] of [
          [before, workers[0]],
          [after, afterwards],
        ] as const) {
          const events = patches.map((each, i) => runEvent(ids[i]!, 1, each))
          await applyEvents(
            db,
            tenantId,
            // The same versions, which depend on the ids of the test's events.
            events.map((event, i) => ({
              ...event,
              version: runEvent(before[i]!, 1, {}).version,
            })),
            prices,
          )
        }
        const rows = new Map(
          (await snapshot(tenantId)).map(({ id, ...costs }) => [id, costs] as const),
        )
        expect(before.map((id) => rows.get(id))).toEqual(after.map((id) => rows.get(id)))
      }),
      { numRuns: 2, endOnFailure: true },
    )
  })

  test('is written once, together with its cost', async () => {
    const { tenantId } = await newTenant()
    const id = deriveId('test', 'written once')
    const event = runEvent(id, 1, {
      runType: 'llm',
      model: 'gpt-4o',
      startTime: at(1),
      metadata: { ls_provider: '"openai"' },
      ...tokens(3, 4),
      ...sentCost(null),
    })
    await db.unsafe(`
      create function refuse_update() returns trigger language plpgsql as 'begin raise ''updated''; end';
      create trigger refuse_update before update on runs for each row execute function refuse_update()`)
    try {
      await apply(tenantId, [event])
    } finally {
      await db.unsafe('drop function refuse_update cascade')
    }
    expect(await costOf(tenantId, id)).toBe('0.0000475')
  })
})
