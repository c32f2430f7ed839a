import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { harness, type Harness } from '../../../support/harness.ts'
import { ingestBatch, type BatchEvent } from '../../../support/langfuse-batch.ts'

const base = '/api/public'
const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

type Body = Record<string, unknown>

async function list(h: Harness, query: Record<string, string> = {}) {
  const answer = await h.call('GET', `${base}/traces?${new URLSearchParams(query).toString()}`)
  expect(answer.status, answer.text).toBe(200)
  return answer.body as { data: Body[]; meta: Body }
}

async function ids(h: Harness, query: Record<string, string> = {}) {
  const { data, meta } = await list(h, query)
  const found = data.map(({ id }) => id as string)
  expect(meta.totalItems).toBe(found.length)
  return found
}

async function read(h: Harness, id: string, query = '') {
  const answer = await h.call('GET', `${base}/traces/${encodeURIComponent(id)}${query}`)
  expect(answer.status, answer.text).toBe(200)
  return answer.body
}

const at = (second: number) => new Date(Date.UTC(2026, 0, 2, 3, 4, second)).toISOString()

/** Three traces, a second apart: t1 has a generation, a failed span and scores; t2 has only tags; t3 has nothing. */
async function seed(h: Harness) {
  await ingestBatch(
    h,
    [
      'trace-create',
      {
        id: 't1',
        timestamp: at(1),
        name: 'checkout',
        userId: 'u1',
        sessionId: 's1',
        release: 'r1',
        version: 'v1',
        environment: 'prod',
        public: true,
        tags: ['b', 'a'],
        metadata: { plan: 'pro', depth: 3, ok: true, nested: { k: 'v' } },
        input: { q: 1 },
        output: 'done',
      },
    ],
    ['trace-create', { id: 't2', timestamp: at(2), name: 'refund', userId: 'u2', tags: ['a'] }],
    ['trace-create', { id: 't3', timestamp: at(3) }],
    [
      'generation-create',
      {
        id: 'g1',
        traceId: 't1',
        startTime: at(10),
        endTime: at(12),
        usageDetails: { input: 10, output: 5 },
        costDetails: { input: 0.1, output: 0.2 },
      },
    ],
    [
      'span-create',
      { id: 'sp1', traceId: 't1', startTime: at(11), endTime: at(14), level: 'ERROR' },
    ],
    ['score-create', { id: 'sc1', traceId: 't1', name: 'acc', value: 0.5 }],
    ['score-create', { id: 'sc2', traceId: 't1', observationId: 'g1', name: 'acc', value: 1 }],
    ['score-create', { id: 'sc3', traceId: 't2', name: 'label', value: 'good' }],
    ['score-create', { id: 'sc4', traceId: 't2', name: 'ok', value: 1, dataType: 'BOOLEAN' }],
  )
}

describe('200', () => {
  test('a list shows every key of a trace, newest first', async () => {
    const h = await harness()
    await seed(h)
    const { data, meta } = await list(h)
    expect(meta).toEqual({ page: 1, limit: 50, totalItems: 3, totalPages: 1 })
    expect(data.map(({ id }) => id)).toEqual(['t3', 't2', 't1'])
    expect(data[2]).toEqual({
      id: 't1',
      externalId: null,
      timestamp: at(1),
      name: 'checkout',
      userId: 'u1',
      metadata: { plan: 'pro', depth: 3, ok: true, nested: { k: 'v' } },
      release: 'r1',
      version: 'v1',
      projectId: h.tenant.id,
      environment: 'prod',
      public: true,
      bookmarked: false,
      tags: ['a', 'b'],
      input: { q: 1 },
      output: 'done',
      sessionId: 's1',
      createdAt: expect.stringMatching(iso),
      updatedAt: expect.stringMatching(iso),
      htmlPath: `/project/${h.tenant.id}/traces/t1`,
      latency: 4,
      totalCost: 0.3,
      observations: ['g1', 'sp1'],
      scores: ['sc2', 'sc1'],
    })
    expect(data[0]).toMatchObject({
      name: null,
      userId: null,
      metadata: {},
      environment: 'default',
      public: false,
      tags: [],
      input: null,
      output: null,
      sessionId: null,
      latency: 0,
      totalCost: 0,
      observations: [],
      scores: [],
    })
  })

  test('a trace is returned with its observations, oldest first, and its scores', async () => {
    const h = await harness()
    await seed(h)
    const [, , listed] = (await list(h)).data
    const trace = await read(h, 't1')
    expect(trace).toEqual({
      ...listed,
      observations: [
        expect.objectContaining({ id: 'g1', traceId: 't1', type: 'GENERATION', latency: 2 }),
        expect.objectContaining({ id: 'sp1', traceId: 't1', type: 'SPAN', level: 'ERROR' }),
      ],
      scores: [
        expect.objectContaining({ id: 'sc2', traceId: 't1', observationId: 'g1', value: 1 }),
        expect.objectContaining({ id: 'sc1', traceId: 't1', observationId: null, value: 0.5 }),
      ],
    })
  })

  test('groups that are not asked for are empty, or -1', async () => {
    const h = await harness()
    await seed(h)
    const empty = { input: null, output: null, metadata: {}, observations: [], scores: [] }
    const core = { ...empty, name: 'checkout', latency: -1, totalCost: -1 }
    for (const fields of ['core', 'core,unheard']) {
      const { data } = await list(h, { fields })
      expect(data[2]).toMatchObject(core)
    }
    for (const fields of ['', 'unheard', 'unheard,invalid']) {
      expect(await list(h, { fields })).toEqual(await list(h, {}))
      expect(await read(h, 't1', `?fields=${fields}`)).toEqual(await read(h, 't1'))
    }
    expect(await read(h, 't1', '?fields=core')).toMatchObject(core)
    expect((await list(h, { fields: 'io' })).data[2]).toMatchObject({
      ...core,
      input: { q: 1 },
      output: 'done',
      metadata: { depth: 3 },
    })
    expect((await list(h, { fields: 'metrics,scores' })).data[2]).toMatchObject({
      ...empty,
      latency: 4,
      totalCost: 0.3,
      scores: ['sc2', 'sc1'],
    })
    expect(await read(h, 't1', '?fields=core,observations')).toMatchObject({
      ...core,
      observations: [{ id: 'g1' }, { id: 'sp1' }],
    })
  })

  test('an environment cuts the observations, scores and numbers of each trace', async () => {
    const h = await harness()
    await ingestBatch(
      h,
      ['trace-create', { id: 't', timestamp: at(1), environment: 'prod' }],
      ...['prod', 'dev', undefined].flatMap((environment, i): BatchEvent[] => [
        [
          'generation-create',
          {
            id: `g-${environment}`,
            traceId: 't',
            environment,
            startTime: at(10 + i),
            endTime: at(12 + 2 * i),
            costDetails: { total: 2 ** i },
          },
        ],
        [
          'score-create',
          { id: `s-${environment}`, traceId: 't', environment, name: 's', value: 1 },
        ],
      ]),
    )
    const shown = async (query: Record<string, string>) => {
      const { observations, scores, latency, totalCost } = (await list(h, query)).data[0]!
      return [observations, (scores as string[]).toSorted(), latency, totalCost]
    }
    const of = (...environments: string[]) =>
      ['g', 's'].map((kind) => environments.map((one) => `${kind}-${one}`))
    expect(await shown({})).toEqual([
      ['g-prod', 'g-dev', 'g-undefined'],
      ['s-dev', 's-prod', 's-undefined'],
      6,
      7,
    ])
    expect(await shown({ environment: 'prod' })).toEqual([...of('prod'), 2, 1])
    expect(await shown({ environment: 'prod,default' })).toEqual([...of('prod', 'undefined'), 6, 5])
    const none = {
      type: 'stringOptions',
      column: 'Environment',
      operator: 'none of',
      value: ['dev'],
    }
    const query = { filter: JSON.stringify([none]), environment: 'dev' }
    expect(await shown(query)).toEqual([...of('prod', 'undefined'), 6, 5])
    expect(await shown({ environment: 'prod', fields: 'core' })).toEqual([[], [], -1, -1])
  })

  test('an empty string is data in metadata, and nothing as input or output', async () => {
    const h = await harness()
    const content = { input: '', output: '', metadata: { empty: '', inner: { empty: '' } } }
    await ingestBatch(
      h,
      ['trace-create', { id: 't', ...content }],
      ['span-create', { id: 'o', traceId: 't', ...content }],
      ['score-create', { id: 's', traceId: 't', name: 's', value: 1, metadata: content.metadata }],
    )
    const { observations, scores, ...trace } = await read(h, 't')
    const { metadata } = content
    expect(trace).toMatchObject({ input: null, output: null, metadata })
    expect(observations).toMatchObject([{ input: null, output: null, metadata }])
    expect(scores).toMatchObject([{ metadata }])
    const v2 = await h.call('GET', '/api/public/v2/observations?fields=metadata')
    expect(v2.body.data[0].metadata).toEqual({ empty: '', 'inner.empty': '' })
  })

  test.each<[Record<string, string>, string[]]>([
    [{ userId: 'u1' }, ['t1']],
    [{ name: 'refund' }, ['t2']],
    [{ sessionId: 's1' }, ['t1']],
    [{ version: 'v1' }, ['t1']],
    [{ release: 'r1' }, ['t1']],
    [{ tags: 'a' }, ['t2', 't1']],
    [{ tags: 'a,b' }, ['t1']],
    [{ environment: 'default' }, ['t3', 't2']],
    [{ environment: 'default,prod' }, ['t3', 't2', 't1']],
    [{ fromTimestamp: at(2) }, ['t3', 't2']],
    [{ toTimestamp: at(2) }, ['t1']],
    [{ fromTimestamp: '2026-01-02T04:04:02+01:00', toTimestamp: at(3) }, ['t2']],
    [{ name: '', userId: '', sessionId: '', tags: '', environment: '' }, ['t3', 't2', 't1']],
    [{ unheard: 'of' }, ['t3', 't2', 't1']],
    [{ userId: "x' or '1'='1" }, []],
    [{ name: 'a\0b' }, []],
  ])('%j narrows the list', async (query, expected) => {
    const h = await harness()
    await seed(h)
    expect(await ids(h, query)).toEqual(expected)
  })

  test.each([
    ['timestamp.asc', ['t1', 't2', 't3']],
    ['timestamp.DESC', ['t3', 't2', 't1']],
    ['id.asc', ['t1', 't2', 't3']],
    ['id.desc', ['t3', 't2', 't1']],
    ['name.asc', ['t1', 't2', 't3']],
    ['name.desc', ['t2', 't1', 't3']],
    ['userId.desc', ['t2', 't1', 't3']],
    ['release.asc', ['t1']],
    ['version.desc', ['t1']],
    ['sessionId.asc', ['t1']],
    ['public.desc', ['t1']],
    ['bookmarked.asc', []],
  ])('orderBy=%s', async (orderBy, expected) => {
    const h = await harness()
    await seed(h)
    const found = await ids(h, { orderBy })
    expect(found).toHaveLength(3)
    expect(found.slice(0, expected.length)).toEqual(expected)
  })

  test('pages follow each other without gaps, also for traces of the same instant', async () => {
    const h = await harness()
    const sent = Array.from({ length: 7 }, (_, i) => `t${i}`)
    await ingestBatch(
      h,
      ...sent.map((id): BatchEvent => ['trace-create', { id, timestamp: at(5) }]),
    )
    for (const orderBy of ['timestamp.desc', 'timestamp.asc', 'name.asc']) {
      const found: string[] = []
      for (const page of ['1', '2', '3', '4']) {
        const { data, meta } = await list(h, { page, limit: '3', orderBy })
        expect(meta).toEqual({ page: Number(page), limit: 3, totalItems: 7, totalPages: 3 })
        found.push(...data.map(({ id }) => id as string))
      }
      expect(found.toSorted()).toEqual(sent)
    }
  })

  test('strings that hold JSON are returned as JSON, and numbers as they were sent', async () => {
    const h = await harness()
    await ingestBatch(h, [
      'trace-create',
      `{"id":"t","input":"{\\"a\\":[1]}","output":{"big":12345678901234567890,"exact":1.50},
        "metadata":{"number":"0","flag":"true","nested":"{\\"k\\":\\"v\\"}","text":"plain","big":"12345678901234567890","null":null}}`,
    ])
    const answer = await h.call('GET', `${base}/traces/t`)
    expect(answer.body.input).toEqual({ a: [1] })
    expect(answer.text).toContain('"output":{"big":12345678901234567890,"exact":1.50}')
    expect(answer.body.metadata).toEqual({
      number: 0,
      flag: true,
      nested: { k: 'v' },
      text: 'plain',
      big: '12345678901234567890',
      null: null,
    })
  })

  test("a trace of LangSmith's clients is described by its root run", async () => {
    const h = await harness()
    const root = randomUUID()
    const child = randomUUID()
    const run = { session_name: 'p', trace_id: root, run_type: 'llm' }
    for (const body of [
      {
        ...run,
        id: root,
        name: 'chat',
        run_type: 'chain',
        start_time: at(1),
        end_time: at(4),
        inputs: { q: 'hi' },
        outputs: { a: 'ho' },
        tags: ['x'],
        extra: { metadata: { thread_id: 'thread', k: 1 } },
        dotted_order: `20260102T030401000000Z${root}`,
      },
      {
        ...run,
        id: child,
        name: 'model',
        parent_run_id: root,
        start_time: at(2),
        end_time: at(3),
        inputs: {},
        error: 'boom',
        dotted_order: `20260102T030401000000Z${root}.20260102T030402000000Z${child}`,
      },
    ]) {
      const answer = await h.call('POST', '/runs', body)
      expect(answer.status, answer.text).toBeLessThan(300)
    }
    await h.drain()
    expect(await read(h, root)).toMatchObject({
      id: root,
      timestamp: at(1),
      name: 'chat',
      input: { q: 'hi' },
      output: { a: 'ho' },
      tags: ['x'],
      sessionId: 'thread',
      metadata: { thread_id: 'thread', k: 1 },
      environment: 'default',
      latency: 3,
      observations: [
        { id: root, type: 'CHAIN', parentObservationId: null },
        {
          id: child,
          type: 'GENERATION',
          parentObservationId: root,
          level: 'ERROR',
          statusMessage: 'boom',
        },
      ],
    })
    expect(await ids(h, { name: 'chat', sessionId: 'thread', tags: 'x' })).toEqual([root])

    // An event about the trace itself does not hide what its root run says.
    await ingestBatch(h, ['trace-create', { id: root, tags: ['y'], userId: null }])
    expect(await read(h, root)).toMatchObject({
      name: 'chat',
      input: { q: 'hi' },
      tags: ['x', 'y'],
      sessionId: 'thread',
    })
  })

  test('an observation makes its trace readable even when the trace was never sent', async () => {
    const h = await harness()
    await ingestBatch(h, [
      'span-create',
      { id: 'o', traceId: 'lone', startTime: at(1), name: 'root', input: 'i' },
    ])
    expect(await read(h, 'lone')).toMatchObject({ name: 'root', input: 'i', timestamp: at(1) })
    expect(await ids(h)).toEqual(['lone'])
  })

  test('a field that was cleared stays empty, whatever the root run says', async () => {
    const h = await harness()
    await ingestBatch(h, ['span-create', { id: 'o', traceId: 't', startTime: at(1), name: 'root' }])
    await ingestBatch(h, ['trace-create', { id: 't', name: 'mine' }])
    h.clock.advance(10)
    await ingestBatch(h, ['trace-create', { id: 't', name: null }])
    expect(await read(h, 't')).toMatchObject({ name: null })
  })

  test('a posted trace reads back at once, and posting it again adds to it', async () => {
    const h = await harness()
    const first = await h.call('POST', `${base}/traces`, { id: 'a/b c', name: 'n', tags: ['x'] })
    expect(first).toMatchObject({ status: 200, body: { id: 'a/b c' } })
    await h.call('POST', `${base}/traces`, { id: 'a/b c', output: 7, tags: ['y'] })
    expect(await read(h, 'a/b c')).toMatchObject({
      id: 'a/b c',
      name: 'n',
      output: 7,
      tags: ['x', 'y'],
      htmlPath: `/project/${h.tenant.id}/traces/a%2Fb%20c`,
    })
    const unnamed = await h.call('POST', `${base}/traces`, {})
    expect(await read(h, unnamed.body.id)).toMatchObject({ id: unnamed.body.id, name: null })
  })

  test('a deleted trace is gone with everything in it, and late events do not bring it back', async () => {
    const h = await harness()
    await seed(h)
    const answer = await h.call('DELETE', `${base}/traces/t1`)
    expect(answer).toMatchObject({ status: 200, body: { message: 'Trace deleted successfully' } })
    await ingestBatch(h, ['trace-create', { id: 't1', name: 'late' }])
    await ingestBatch(h, ['span-update', { id: 'sp1', name: 'late' }])
    expect(await ids(h)).toEqual(['t3', 't2'])
    expect((await h.call('GET', `${base}/traces/t1`)).status).toBe(404)
    expect((await h.call('GET', `${base}/observations/g1`)).status).toBe(404)
    expect((await h.call('GET', `${base}/v2/scores/sc2`)).status).toBe(404)

    const many = await h.call('DELETE', `${base}/traces`, { traceIds: ['t2', 'unheard of', 't2'] })
    expect(many).toMatchObject({ status: 200, body: { message: 'Traces deleted successfully' } })
    expect(await ids(h)).toEqual(['t3'])
  })

  test('the runs of a deleted experiment are hidden before they are purged', async () => {
    const h = await harness()
    const id = randomUUID()
    await h.call('POST', '/runs', {
      id,
      name: 'r',
      run_type: 'chain',
      start_time: at(1),
      inputs: {},
      session_name: 'gone',
      extra: { metadata: { thread_id: 'thread' } },
    })
    await h.drain()
    expect(await ids(h)).toEqual([id])
    const [session] = (await h.call('GET', '/sessions?name=gone')).body
    await h.db`
      insert into tombstones (tenant_id, kind, id, deleted_at)
      values (${h.tenant.id}, 'experiment', ${session.id}, now())`
    expect(await ids(h)).toEqual([])
    for (const path of [`traces/${id}`, `observations/${id}`, 'sessions/thread']) {
      expect((await h.call('GET', `${base}/${path}`)).status, path).toBe(404)
    }
    for (const path of ['observations', 'v2/observations', 'sessions']) {
      expect((await h.call('GET', `${base}/${path}`)).body.data, path).toEqual([])
    }
  })

  test('a trace of thousands of observations is returned completely', async () => {
    const h = await harness()
    const sent = Array.from({ length: 350 }, (_, i) => `o${i}`)
    await ingestBatch(
      h,
      ...sent.map((id): BatchEvent => ['span-create', { id, traceId: 't', startTime: at(1) }]),
    )
    const { observations } = await read(h, 't')
    expect(observations.map(({ id }: Body) => id).toSorted()).toEqual(sent.toSorted())
  })
})

describe('filter', () => {
  const every: [string, object, string[]][] = [
    ['datetime >', { type: 'datetime', column: 'timestamp', operator: '>', value: at(2) }, ['t3']],
    [
      'datetime >=',
      { type: 'datetime', column: 'timestamp', operator: '>=', value: at(2) },
      ['t3', 't2'],
    ],
    ['datetime <', { type: 'datetime', column: 'timestamp', operator: '<', value: at(2) }, ['t1']],
    [
      'datetime <=',
      { type: 'datetime', column: 'timestamp', operator: '<=', value: at(2) },
      ['t2', 't1'],
    ],
    ['string =', { type: 'string', column: 'name', operator: '=', value: 'refund' }, ['t2']],
    [
      'string contains',
      { type: 'string', column: 'name', operator: 'contains', value: 'eck' },
      ['t1'],
    ],
    [
      'string does not contain',
      { type: 'string', column: 'name', operator: 'does not contain', value: 'eck' },
      ['t3', 't2'],
    ],
    [
      'string starts with',
      { type: 'string', column: 'name', operator: 'starts with', value: 'ref' },
      ['t2'],
    ],
    [
      'string ends with',
      { type: 'string', column: 'name', operator: 'ends with', value: 'out' },
      ['t1'],
    ],
    [
      'a percent sign is itself',
      { type: 'string', column: 'name', operator: 'contains', value: '%' },
      [],
    ],
    ['id =', { type: 'string', column: 'id', operator: '=', value: 't2' }, ['t2']],
    ['id ends with', { type: 'string', column: 'id', operator: 'ends with', value: '3' }, ['t3']],
    [
      'id any of',
      { type: 'stringOptions', column: 'id', operator: 'any of', value: ['t1', 't3'] },
      ['t3', 't1'],
    ],
    [
      'id none of',
      { type: 'stringOptions', column: 'id', operator: 'none of', value: ['t1', 't3'] },
      ['t2'],
    ],
    [
      'stringOptions any of',
      { type: 'stringOptions', column: 'userId', operator: 'any of', value: ['u1', 'u2'] },
      ['t2', 't1'],
    ],
    [
      'stringOptions none of',
      { type: 'stringOptions', column: 'userId', operator: 'none of', value: ['u1'] },
      ['t3', 't2'],
    ],
    [
      'arrayOptions any of',
      { type: 'arrayOptions', column: 'tags', operator: 'any of', value: ['b', 'z'] },
      ['t1'],
    ],
    [
      'arrayOptions none of',
      { type: 'arrayOptions', column: 'tags', operator: 'none of', value: ['b'] },
      ['t3', 't2'],
    ],
    [
      'arrayOptions all of',
      { type: 'arrayOptions', column: 'tags', operator: 'all of', value: ['a', 'b'] },
      ['t1'],
    ],
    [
      'stringObject =',
      { type: 'stringObject', column: 'metadata', key: 'plan', operator: '=', value: 'pro' },
      ['t1'],
    ],
    [
      'stringObject by a path',
      {
        type: 'stringObject',
        column: 'metadata',
        key: 'nested.k',
        operator: 'contains',
        value: 'v',
      },
      ['t1'],
    ],
    [
      'stringObject does not contain',
      {
        type: 'stringObject',
        column: 'metadata',
        key: 'plan',
        operator: 'does not contain',
        value: 'pro',
      },
      ['t3', 't2'],
    ],
    [
      'numberObject of metadata',
      { type: 'numberObject', column: 'metadata', key: 'depth', operator: '>', value: 2.5 },
      ['t1'],
    ],
    [
      'booleanObject of metadata',
      { type: 'booleanObject', column: 'metadata', key: 'ok', operator: '=', value: true },
      ['t1'],
    ],
    [
      'categoryOptions of metadata',
      {
        type: 'categoryOptions',
        column: 'metadata',
        key: 'plan',
        operator: 'any of',
        value: ['pro'],
      },
      ['t1'],
    ],
    ['boolean', { type: 'boolean', column: 'bookmarked', operator: '=', value: true }, []],
    [
      'boolean <>',
      { type: 'boolean', column: 'bookmarked', operator: '<>', value: true },
      ['t3', 't2', 't1'],
    ],
    ['is null', { type: 'null', column: 'userId', operator: 'is null', value: '' }, ['t3']],
    ['is not null', { type: 'null', column: 'userId', operator: 'is not null' }, ['t2', 't1']],
    ['level', { type: 'string', column: 'level', operator: '=', value: 'ERROR' }, ['t1']],
    [
      'level of a trace without observations',
      { type: 'stringOptions', column: 'level', operator: 'any of', value: ['DEFAULT'] },
      ['t3', 't2'],
    ],
    ['errorCount', { type: 'number', column: 'errorCount', operator: '=', value: 1 }, ['t1']],
    ['defaultCount', { type: 'number', column: 'defaultCount', operator: '>=', value: 1 }, ['t1']],
    ['warningCount', { type: 'number', column: 'warningCount', operator: '>', value: 0 }, []],
    [
      'debugCount',
      { type: 'number', column: 'debugCount', operator: '<=', value: 0 },
      ['t3', 't2', 't1'],
    ],
    ['latency', { type: 'number', column: 'latency', operator: '>', value: 3.9 }, ['t1']],
    ['inputTokens', { type: 'number', column: 'inputTokens', operator: '=', value: 10 }, ['t1']],
    ['outputTokens', { type: 'number', column: 'outputTokens', operator: '=', value: 5 }, ['t1']],
    ['totalTokens', { type: 'number', column: 'totalTokens', operator: '=', value: 15 }, ['t1']],
    ['inputCost', { type: 'number', column: 'inputCost', operator: '=', value: 0.1 }, ['t1']],
    ['outputCost', { type: 'number', column: 'outputCost', operator: '=', value: 0.2 }, ['t1']],
    ['totalCost', { type: 'number', column: 'totalCost', operator: '<', value: 0.3 }, ['t3', 't2']],
    [
      'scores_avg',
      { type: 'numberObject', column: 'scores_avg', key: 'acc', operator: '=', value: 0.75 },
      ['t1'],
    ],
    [
      'score_categories',
      {
        type: 'categoryOptions',
        column: 'score_categories',
        key: 'label',
        operator: 'any of',
        value: ['good'],
      },
      ['t2'],
    ],
    [
      'score_categories none of',
      {
        type: 'categoryOptions',
        column: 'score_categories',
        key: 'label',
        operator: 'none of',
        value: ['good'],
      },
      ['t3', 't1'],
    ],
    [
      'score_booleans',
      { type: 'booleanObject', column: 'score_booleans', key: 'ok', operator: '=', value: true },
      ['t2'],
    ],
    [
      'score_booleans <>',
      { type: 'booleanObject', column: 'score_booleans', key: 'ok', operator: '<>', value: true },
      ['t3', 't1'],
    ],
    [
      'environment',
      { type: 'string', column: 'environment', operator: '=', value: 'default' },
      ['t3', 't2'],
    ],
    ['sessionId', { type: 'string', column: 'sessionId', operator: '=', value: 's1' }, ['t1']],
    ['version', { type: 'string', column: 'version', operator: '=', value: 'v1' }, ['t1']],
    [
      'release',
      { type: 'stringOptions', column: 'release', operator: 'any of', value: ['r1'] },
      ['t1'],
    ],
    [
      'huge numbers',
      { type: 'number', column: 'latency', operator: '<', value: 1e308 },
      ['t3', 't2', 't1'],
    ],
    [
      'NUL and half a surrogate',
      { type: 'string', column: 'name', operator: 'contains', value: '\0\ud800' },
      [],
    ],
  ]

  test('every type, operator and column', async () => {
    const h = await harness()
    await seed(h)
    for (const [name, condition, expected] of every) {
      expect(await ids(h, { filter: JSON.stringify([condition]) }), name).toEqual(expected)
    }
    expect(h.errors).toEqual([])
  })

  test('conditions must all hold, and replace the simple parameter on their own column only', async () => {
    const h = await harness()
    await seed(h)
    const tagged = { type: 'arrayOptions', column: 'tags', operator: 'any of', value: ['a'] }
    const named = { type: 'string', column: 'name', operator: '=', value: 'refund' }
    expect(await ids(h, { filter: JSON.stringify([tagged, named]) })).toEqual(['t2'])
    expect(await ids(h, { name: 'checkout', filter: JSON.stringify([named]) })).toEqual(['t2'])
    expect(await ids(h, { userId: 'u1', filter: JSON.stringify([named]) })).toEqual([])
    expect(await ids(h, { userId: 'u1', filter: '[]' })).toEqual(['t1'])
    expect(await ids(h, { userId: 'u1', filter: '' })).toEqual(['t1'])
  })

  test('paging by time loses no trace, and shows none twice', async () => {
    const h = await harness()
    const sent = [
      '2026-01-02T03:04:05.000100Z',
      '2026-01-02T03:04:05.001900Z',
      '2026-01-02T03:04:05.002Z',
    ]
    await ingestBatch(
      h,
      ...sent.map((timestamp, i): BatchEvent => ['trace-create', { id: `t${i}`, timestamp }]),
    )
    const found: unknown[] = []
    for (let filter: object[] = []; ; ) {
      const { data } = await list(h, { limit: '1', filter: JSON.stringify(filter) })
      const [trace] = data
      if (trace === undefined) break
      found.push(trace.id)
      filter = [{ type: 'datetime', column: 'timestamp', operator: '<', value: trace.timestamp }]
    }
    expect(found).toEqual(['t2', 't1', 't0'])
  })
})

describe('4xx', () => {
  test.each(['filter=%7Bnot%20json', 'filter=['])('%s is not JSON', async (query) => {
    const h = await harness()
    const answer = await h.call('GET', `${base}/traces?${query}`)
    expect(answer).toMatchObject({
      status: 400,
      body: { message: 'Invalid JSON in filter parameter', error: 'InvalidRequestError' },
    })
    expect(h.errors).toEqual([])
  })

  test.each([
    ['no list', { type: 'string' }],
    ['null', null],
    ['a string', 'x'],
    ['no object', [1]],
    ['an unknown type', [{ type: 'regex', column: 'name', operator: '=', value: 'x' }]],
    [
      'an operator of another type',
      [{ type: 'string', column: 'name', operator: '>', value: 'x' }],
    ],
    ['a value of another type', [{ type: 'number', column: 'latency', operator: '=', value: '1' }]],
    ['no key', [{ type: 'stringObject', column: 'metadata', operator: '=', value: 'x' }]],
    ['no column', [{ type: 'string', operator: '=', value: 'x' }]],
    ['no options', [{ type: 'stringOptions', column: 'name', operator: 'any of', value: [] }]],
    ['no time', [{ type: 'datetime', column: 'timestamp', operator: '<', value: 'soon' }]],
    [
      'too many',
      Array.from({ length: 101 }, () => ({ type: 'null', column: 'name', operator: 'is null' })),
    ],
  ])('a filter that is %s answers with issues', async (_, filter) => {
    const h = await harness()
    const query = new URLSearchParams({ filter: JSON.stringify(filter) })
    const answer = await h.call('GET', `${base}/traces?${query.toString()}`)
    expect(answer.status, answer.text).toBe(400)
    expect(answer.body.message).toBe('Invalid request data')
    expect(answer.body.error[0]).toMatchObject({
      message: expect.any(String),
      path: expect.arrayContaining(['filter']),
    })
    expect(h.errors).toEqual([])
  })

  test.each([
    ['an unknown column', { type: 'string', column: 'constructor', operator: '=', value: 'x' }],
    ['a column of observations', { type: 'string', column: 'model', operator: '=', value: 'x' }],
    ['a type that the column has not', { type: 'number', column: 'name', operator: '=', value: 1 }],
  ])('a filter on %s is refused', async (_, condition) => {
    const h = await harness()
    const query = new URLSearchParams({ filter: JSON.stringify([condition]) })
    const answer = await h.call('GET', `${base}/traces?${query.toString()}`)
    expect(answer).toMatchObject({ status: 400, body: { error: 'InvalidRequestError' } })
    expect(h.errors).toEqual([])
  })

  test.each([
    'page=0',
    'page=x',
    'page=1.5',
    'limit=0',
    'limit=101',
    'limit=-1',
    'limit=1e400',
    'fromTimestamp=2026-01-01',
    'toTimestamp=garbage',
    'orderBy=name',
    'orderBy=name.up',
    'orderBy=input.asc',
    'orderBy=.asc',
    'name=a&name=b',
    'userId=a&userId=b',
  ])('?%s is refused', async (query) => {
    const h = await harness()
    const answer = await h.call('GET', `${base}/traces?${query}`)
    expect(answer.status, answer.text).toBe(400)
    expect(answer.body.message).toBe('Invalid request data')
    expect(h.errors).toEqual([])
  })

  test('a far page is empty', async () => {
    const h = await harness()
    await seed(h)
    expect((await list(h, { page: '9007199254740991' })).data).toEqual([])
  })

  test.each<[string, unknown]>([
    ['no body', undefined],
    ['no ids', { traceIds: [] }],
    ['too many ids', { traceIds: Array.from({ length: 1001 }, () => 'x') }],
    ['ids of another type', { traceIds: [1] }],
    ['an unknown field', { traceIds: ['t1'], force: true }],
    ['a list', ['t1']],
  ])('DELETE with %s is refused, and deletes nothing', async (_, body) => {
    const h = await harness()
    await seed(h)
    const answer = await h.call('DELETE', `${base}/traces`, body)
    expect(answer.status, answer.text).toBe(400)
    expect(await ids(h)).toHaveLength(3)
    expect(h.errors).toEqual([])
  })

  test.each<[string, unknown]>([
    ['a name of another type', { name: 1 }],
    ['tags of another type', { tags: 'a' }],
    ['a time that is none', { timestamp: 'now' }],
    ['a public that is none', { public: 'yes' }],
    ['a huge number in the metadata', '{"metadata":{"x":1e99999}}'],
    ['JSON a thousand deep', `{"input":${'['.repeat(1000)}${']'.repeat(1000)}}`],
    ['a list', []],
  ])('POST with %s is refused, and stores nothing', async (_, body) => {
    const h = await harness()
    const answer = await h.call('POST', `${base}/traces`, body)
    expect(answer.status, answer.text).toBe(400)
    await h.drain()
    expect(await ids(h)).toEqual([])
    expect(h.errors).toEqual([])
  })

  test.each(['unheard', randomUUID(), 'a/b', '%', 'x\0y', 'A'.repeat(700)])(
    'trace %s is not found',
    async (id) => {
      const h = await harness()
      const answer = await h.call('GET', `${base}/traces/${encodeURIComponent(id)}`)
      expect(answer).toMatchObject({
        status: 404,
        body: {
          message: `Trace ${id} not found within authorized project`,
          error: 'LangfuseNotFoundError',
        },
      })
      expect(h.errors).toEqual([])
    },
  )

  test('a trace of which only scores have arrived is not found', async () => {
    const h = await harness()
    await ingestBatch(h, ['score-create', { traceId: 'scored', name: 'x', value: 1 }])
    expect((await h.call('GET', `${base}/traces/scored`)).status).toBe(404)
    expect(await ids(h)).toEqual([])
  })

  test('nobody can see or delete the traces of another tenant', async () => {
    const h = await harness()
    await seed(h)
    const other = await h.addTenant()
    const call = async (method: string, path: string, body?: unknown) =>
      h.callAs(other, method, `${base}/${path}`, body)
    for (const path of ['traces/t1', 'observations/g1', 'sessions/s1']) {
      expect((await call('GET', path)).status, path).toBe(404)
    }
    for (const path of [
      'traces',
      'traces?sessionId=s1',
      'observations?traceId=t1',
      'v2/observations?sessionId=s1',
      'sessions',
    ]) {
      expect((await call('GET', path)).body.data, path).toEqual([])
    }
    await call('DELETE', 'traces/t1')
    await call('DELETE', 'traces', { traceIds: ['t2'] })
    await call('POST', 'traces', { id: 't3', name: 'theirs' })
    expect(await ids(h)).toEqual(['t3', 't2', 't1'])
    expect(await read(h, 't3')).toMatchObject({ name: null })
  })
})
