import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { resolveId } from '../../../../src/domain/ids.ts'
import { harness, type Harness } from '../../../support/harness.ts'
import { ingestBatch, type BatchEvent } from '../../../support/langfuse-batch.ts'

const base = '/api/public'
const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

type Body = Record<string, unknown>

async function list(h: Harness, query: Record<string, string> = {}, path = 'observations') {
  const parameters = new URLSearchParams(query).toString()
  const answer = await h.call('GET', `${base}/${path}?${parameters}`)
  expect(answer.status, answer.text).toBe(200)
  return answer.body as { data: Body[]; meta: Body }
}

async function ids(h: Harness, query: Record<string, string> = {}, path = 'observations') {
  const { data } = await list(h, query, path)
  return data.map(({ id }) => id as string)
}

const at = (second: number) => new Date(Date.UTC(2026, 0, 2, 3, 4, second)).toISOString()

/** A generation, a failed child of it, and an event in a trace of its own, each one second apart. */
async function seed(h: Harness) {
  await ingestBatch(
    h,
    [
      'trace-create',
      {
        id: 't1',
        name: 'chat',
        userId: 'u1',
        sessionId: 's1',
        release: 'r1',
        public: true,
        tags: ['a', 'b'],
      },
    ],
    ['trace-create', { id: 't2', environment: 'prod' }],
    [
      'generation-create',
      {
        id: 'g1',
        traceId: 't1',
        name: 'answer',
        startTime: at(1),
        completionStartTime: '2026-01-02T03:04:01.250Z',
        endTime: at(3),
        model: 'gpt-x',
        modelParameters: { temperature: 0.1 },
        promptName: 'p',
        promptVersion: 2,
        version: 'v1',
        usageDetails: { input: 10, input_cached: 2, output: 4, total: 16 },
        costDetails: { input: 0.1, output: 0.2 },
        input: [{ role: 'user' }],
        output: 'hello',
        metadata: { plan: 'pro', depth: 3, ok: true, nested: { k: { j: 'v' } } },
      },
    ],
    [
      'span-create',
      {
        id: 'c1',
        traceId: 't1',
        parentObservationId: 'g1',
        name: 'tool',
        startTime: at(2),
        level: 'ERROR',
        statusMessage: 'boom',
      },
    ],
    ['event-create', { id: 'e1', traceId: 't2', startTime: at(3), environment: 'prod' }],
    ['score-create', { traceId: 't1', observationId: 'g1', name: 'acc', value: 0.5 }],
    ['score-create', { traceId: 't1', observationId: 'c1', name: 'label', value: 'good' }],
    [
      'score-create',
      { traceId: 't1', observationId: 'c1', name: 'ok', value: 1, dataType: 'BOOLEAN' },
    ],
  )
}

describe('200', () => {
  test('an observation has every key', async () => {
    const h = await harness()
    await seed(h)
    const expected = {
      id: 'g1',
      projectId: h.tenant.id,
      traceId: 't1',
      parentObservationId: null,
      name: 'answer',
      type: 'GENERATION',
      environment: 'default',
      startTime: at(1),
      endTime: at(3),
      version: 'v1',
      createdAt: expect.stringMatching(iso),
      updatedAt: expect.stringMatching(iso),
      input: [{ role: 'user' }],
      output: 'hello',
      metadata: { plan: 'pro', depth: 3, ok: true, nested: { k: { j: 'v' } } },
      level: 'DEFAULT',
      statusMessage: null,
      model: 'gpt-x',
      modelParameters: { temperature: 0.1 },
      completionStartTime: '2026-01-02T03:04:01.250Z',
      promptId: null,
      promptName: 'p',
      promptVersion: 2,
      usageDetails: { input: 10, input_cached: 2, output: 4, total: 16 },
      costDetails: { input: 0.1, output: 0.2, total: 0.3 },
      usage: { unit: 'TOKENS', input: 12, output: 4, total: 16 },
      unit: 'TOKENS',
      promptTokens: 12,
      completionTokens: 4,
      totalTokens: 16,
      usagePricingTierName: null,
      usagePricingTierId: null,
      modelId: null,
      inputPrice: null,
      outputPrice: null,
      totalPrice: null,
      calculatedInputCost: 0.1,
      calculatedOutputCost: 0.2,
      calculatedTotalCost: 0.3,
      latency: 2,
      timeToFirstToken: 0.25,
    }
    const answer = await h.call('GET', `${base}/observations/g1`)
    expect(answer.body).toEqual(expected)
    const { data, meta } = await list(h)
    expect(meta).toEqual({ page: 1, limit: 50, totalItems: 3, totalPages: 1 })
    expect(data.map(({ id }) => id)).toEqual(['e1', 'c1', 'g1'])
    expect(data[2]).toEqual(expected)
  })

  test('unknown values are null, and counts are 0', async () => {
    const h = await harness()
    await seed(h)
    const answer = await h.call('GET', `${base}/observations/c1`)
    expect(answer.body).toMatchObject({
      parentObservationId: 'g1',
      type: 'SPAN',
      endTime: null,
      latency: null,
      timeToFirstToken: null,
      input: null,
      output: null,
      metadata: {},
      level: 'ERROR',
      statusMessage: 'boom',
      model: null,
      modelParameters: null,
      usage: { unit: 'TOKENS', input: 0, output: 0, total: 0 },
      usageDetails: {},
      costDetails: {},
      calculatedTotalCost: null,
    })
  })

  test.each<[Record<string, string>, string[]]>([
    [{ name: 'tool' }, ['c1']],
    [{ userId: 'u1' }, ['c1', 'g1']],
    [{ type: 'GENERATION' }, ['g1']],
    [{ type: 'EVENT' }, ['e1']],
    [{ traceId: 't1' }, ['c1', 'g1']],
    [{ level: 'ERROR' }, ['c1']],
    [{ level: 'DEFAULT' }, ['e1', 'g1']],
    [{ parentObservationId: 'g1' }, ['c1']],
    [{ parentObservationId: 'g1', traceId: 't2' }, []],
    [{ environment: 'prod' }, ['e1']],
    [{ environment: 'prod,default' }, ['e1', 'c1', 'g1']],
    [{ fromStartTime: at(2) }, ['e1', 'c1']],
    [{ toStartTime: at(2) }, ['g1']],
    [{ version: 'v1' }, ['g1']],
    [{ type: '', level: '', name: '', traceId: '' }, ['e1', 'c1', 'g1']],
    [{ name: 'a\0b' }, []],
  ])('%j narrows both lists', async (query, expected) => {
    const h = await harness()
    await seed(h)
    const { data, meta } = await list(h, query)
    expect(data.map(({ id }) => id)).toEqual(expected)
    expect(meta.totalItems).toBe(expected.length)
    expect(await ids(h, query, 'v2/observations')).toEqual(expected)
  })

  test('children of a parent that was never sent are found', async () => {
    const h = await harness()
    await ingestBatch(h, [
      'span-create',
      { id: 'o', traceId: 't', parentObservationId: 'filtered' },
    ])
    expect(await ids(h, { parentObservationId: 'filtered' })).toEqual(['o'])
  })

  test('pages follow each other without gaps, also within one instant', async () => {
    const h = await harness()
    const sent = Array.from({ length: 7 }, (_, i) => `o${i}`)
    await ingestBatch(
      h,
      ...sent.map((id): BatchEvent => ['span-create', { id, traceId: 't', startTime: at(1) }]),
    )
    const found: string[] = []
    for (const page of ['1', '2', '3']) found.push(...(await ids(h, { page, limit: '3' })))
    expect(found.toSorted()).toEqual(sent)
    const followed: string[] = []
    for (let cursor = ''; ; ) {
      const { data, meta } = await list(h, { limit: '3', cursor }, 'v2/observations')
      followed.push(...data.map(({ id }) => id as string))
      if (meta.cursor === undefined) break
      cursor = meta.cursor as string
    }
    expect(followed).toEqual(found)
  })

  test("LangSmith's runs are observations", async () => {
    const h = await harness()
    const id = randomUUID()
    await h.call('POST', '/runs', {
      id,
      name: 'model',
      run_type: 'llm',
      start_time: at(1),
      end_time: at(2),
      inputs: { q: 'hi' },
      outputs: {
        usage_metadata: {
          input_tokens: 10,
          output_tokens: 5,
          total_tokens: 15,
          input_token_details: { cache_read: 4 },
        },
      },
      error: 'boom',
      extra: { metadata: { ls_model_name: 'gpt-y' } },
    })
    await h.drain()
    const answer = await h.call('GET', `${base}/observations/${id}`)
    expect(answer.body).toMatchObject({
      id,
      traceId: id,
      type: 'GENERATION',
      model: 'gpt-y',
      level: 'ERROR',
      statusMessage: 'boom',
      usage: { input: 10, output: 5, total: 15 },
      usageDetails: { input: 6, input_cache_read: 4, output: 5, total: 15 },
    })
    expect(await ids(h, { level: 'ERROR' })).toEqual([id])
  })
})

describe('200 of v2', () => {
  const core = (h: Harness) => ({
    id: 'g1',
    projectId: h.tenant.id,
    traceId: 't1',
    startTime: at(1),
    endTime: at(3),
    parentObservationId: null,
    type: 'GENERATION',
    modelId: null,
    inputPrice: null,
    outputPrice: null,
    totalPrice: null,
  })
  const groups = {
    basic: {
      isRootObservation: true,
      name: 'answer',
      level: 'DEFAULT',
      statusMessage: null,
      version: 'v1',
      environment: 'default',
      bookmarked: false,
      public: true,
      userId: 'u1',
      sessionId: 's1',
    },
    time: {
      completionStartTime: '2026-01-02T03:04:01.250Z',
      createdAt: expect.stringMatching(iso),
      updatedAt: expect.stringMatching(iso),
    },
    io: { input: '[{"role":"user"}]', output: 'hello' },
    metadata: { metadata: { plan: 'pro', depth: 3, ok: true, 'nested.k.j': 'v' } },
    model: {
      model: 'gpt-x',
      providedModelName: 'gpt-x',
      internalModelId: null,
      modelParameters: { temperature: 0.1 },
    },
    usage: {
      usageDetails: { input: 10, input_cached: 2, output: 4, total: 16 },
      costDetails: { input: 0.1, output: 0.2, total: 0.3 },
      totalCost: 0.3,
      usagePricingTierName: null,
    },
    prompt: { promptId: null, promptName: 'p', promptVersion: 2 },
    metrics: { latency: 2, timeToFirstToken: 0.25 },
    trace_context: { traceName: 'chat', tags: ['a', 'b'], release: 'r1' },
  }

  test('each group adds its fields, and the basic ones are always there', async () => {
    const h = await harness()
    await seed(h)
    const one = async (query: Record<string, string>) =>
      (await list(h, { type: 'GENERATION', ...query }, 'v2/observations')).data
    expect(await one({})).toEqual([{ ...core(h), ...groups.basic }])
    for (const [fields, expected] of Object.entries(groups)) {
      expect(await one({ fields }), fields).toEqual([{ ...core(h), ...expected }])
    }
    expect(await one({ fields: 'core,unheard' })).toEqual([core(h)])
    const all = Object.assign({}, ...Object.values(groups)) as Body
    expect(await one({ fields: Object.keys(groups).join(',') })).toEqual([{ ...core(h), ...all }])
  })

  test('metadata is cut to 200 characters unless it is asked for in full', async () => {
    const h = await harness()
    const long = 'x'.repeat(201)
    const metadata = {
      long,
      list: Array.from({ length: 100 }, () => 'y'),
      in: { long, fits: 'x'.repeat(200) },
    }
    await ingestBatch(h, ['span-create', { id: 'o', traceId: 't', metadata }])
    const read = async (expandMetadata: string) =>
      (await list(h, { fields: 'metadata', expandMetadata }, 'v2/observations')).data[0]!.metadata
    const cut = {
      long: 'x'.repeat(200),
      list: `[${metadata.list.map(() => '"y"').join(', ')}]`.slice(0, 200),
      'in.long': 'x'.repeat(200),
      'in.fits': metadata.in.fits,
    }
    expect(await read('')).toEqual(cut)
    expect(await read('long,list')).toEqual({ ...cut, long, list: metadata.list })
    expect(await read('in')).toEqual({ ...cut, 'in.long': long })
    expect(await read('in.long')).toEqual({ ...cut, 'in.long': long })
  })

  test('cursors lead to the end, and the last page has none', async () => {
    const h = await harness()
    await seed(h)
    const first = await list(h, { limit: '2' }, 'v2/observations')
    expect(first.data.map(({ id }) => id)).toEqual(['e1', 'c1'])
    const cursor = first.meta.cursor as string
    expect(JSON.parse(Buffer.from(cursor, 'base64').toString())).toEqual({
      lastStartTimeTo: '2026-01-02T03:04:02.000000Z',
      lastTraceId: resolveId('trace', 't1').id,
      lastId: resolveId('run', 'c1').id,
    })
    const second = await list(h, { limit: '2', cursor }, 'v2/observations')
    expect(second).toMatchObject({ data: [{ id: 'g1' }], meta: {} })
    expect(second.meta).toEqual({})
    expect(await list(h, { limit: '0' }, 'v2/observations')).toEqual({ data: [], meta: {} })
    expect((await list(h, { limit: '1000' }, 'v2/observations')).data).toHaveLength(3)
  })

  test.each<[Record<string, string>, string[]]>([
    [{ sessionId: 's1' }, ['c1', 'g1']],
    [{ isRootObservation: 'true' }, ['e1', 'g1']],
    [{ isRootObservation: 'false' }, ['c1']],
    [{ parentObservationId: '' }, ['e1', 'g1']],
    [{ parseIoAsJson: 'false' }, ['e1', 'c1', 'g1']],
    [{ parseIoAsJson: '', fromStartTime: '', type: '', limit: '' }, ['e1', 'c1', 'g1']],
  ])('%j narrows the list of v2', async (query, expected) => {
    const h = await harness()
    await seed(h)
    expect(await ids(h, query, 'v2/observations')).toEqual(expected)
  })
})

describe('filter', () => {
  const option = (column: string, ...value: string[]) => ({
    type: 'stringOptions',
    column,
    operator: 'any of',
    value,
  })
  const text = (column: string, operator: string, value: string) => ({
    type: 'string',
    column,
    operator,
    value,
  })
  const number = (column: string, operator: string, value: number) => ({
    type: 'number',
    column,
    operator,
    value,
  })
  const every: [object, string[]][] = [
    [
      { type: 'arrayOptions', column: 'traceTags', operator: 'all of', value: ['a', 'b'] },
      ['c1', 'g1'],
    ],
    [{ type: 'arrayOptions', column: 'tags', operator: 'none of', value: ['a'] }, ['e1']],
    [text('userId', '=', 'u1'), ['c1', 'g1']],
    [text('sessionId', '=', 's1'), ['c1', 'g1']],
    [text('traceName', 'contains', 'ha'), ['c1', 'g1']],
    [option('environment', 'prod'), ['e1']],
    [option('traceEnvironment', 'prod'), ['e1']],
    [option('type', 'GENERATION', 'EVENT'), ['e1', 'g1']],
    [text('id', '=', 'g1'), ['g1']],
    [text('name', 'ends with', 'ol'), ['c1']],
    [option('traceId', 't2'), ['e1']],
    [text('parentObservationId', '=', 'g1'), ['c1']],
    [{ type: 'null', column: 'parentObservationId', operator: 'is null' }, ['e1', 'g1']],
    [{ type: 'datetime', column: 'startTime', operator: '>', value: at(1) }, ['e1', 'c1']],
    [{ type: 'datetime', column: 'endTime', operator: '<=', value: at(3) }, ['g1']],
    [number('timeToFirstToken', '=', 0.25), ['g1']],
    [number('latency', '>=', 2), ['g1']],
    [number('tokensPerSecond', '=', 2), ['g1']],
    [number('inputTokens', '=', 12), ['g1']],
    [number('outputTokens', '=', 4), ['g1']],
    [number('totalTokens', '<', 17), ['g1']],
    [number('inputCost', '=', 0.1), ['g1']],
    [number('outputCost', '=', 0.2), ['g1']],
    [number('totalCost', '=', 0.3), ['g1']],
    [option('level', 'ERROR', 'WARNING'), ['c1']],
    [text('statusMessage', 'contains', 'oo'), ['c1']],
    [text('model', 'starts with', 'gpt'), ['g1']],
    [{ type: 'null', column: 'modelId', operator: 'is null' }, ['e1', 'c1', 'g1']],
    [
      { type: 'stringObject', column: 'metadata', key: 'plan', operator: '=', value: 'pro' },
      ['g1'],
    ],
    [
      { type: 'stringObject', column: 'metadata', key: 'nested.k.j', operator: '=', value: 'v' },
      ['g1'],
    ],
    [{ type: 'numberObject', column: 'metadata', key: 'depth', operator: '<', value: 4 }, ['g1']],
    [
      { type: 'booleanObject', column: 'metadata', key: 'ok', operator: '<>', value: true },
      ['e1', 'c1'],
    ],
    [{ type: 'numberObject', column: 'scores_avg', key: 'acc', operator: '>', value: 0.4 }, ['g1']],
    [
      {
        type: 'categoryOptions',
        column: 'score_categories',
        key: 'label',
        operator: 'any of',
        value: ['good'],
      },
      ['c1'],
    ],
    [
      { type: 'booleanObject', column: 'score_booleans', key: 'ok', operator: '=', value: true },
      ['c1'],
    ],
    [text('version', '=', 'v1'), ['g1']],
    [text('promptName', '=', 'p'), ['g1']],
    [number('promptVersion', '=', 2), ['g1']],
    [text('output', 'matches', 'HELLO'), ['g1']],
    [text('output', 'matches', 'hell'), []],
    [option('score_categories', 'label:good', 'other:x'), ['c1']],
    [option('Scores (categorical)', 'label:other', 'label'), []],
    [option('scores', 'label:good'), ['c1']],
    [text('input', 'contains', 'user'), ['g1']],
    [{ type: 'boolean', column: 'isRootObservation', operator: '=', value: false }, ['c1']],
  ]

  test('every column, in both lists', async () => {
    const h = await harness()
    await seed(h)
    for (const [condition, expected] of every) {
      const filter = JSON.stringify([condition])
      expect(await ids(h, { filter }), filter).toEqual(expected)
      expect(await ids(h, { filter }, 'v2/observations'), filter).toEqual(expected)
    }
    expect(h.errors).toEqual([])
  })

  test('columns are known by their names on the pages of Langfuse too', async () => {
    const h = await harness()
    await seed(h)
    const named: [object, string[]][] = [
      [text('Name', '=', 'tool'), ['c1']],
      [text('Trace ID', '=', 't2'), ['e1']],
      [text('User ID', '=', 'u1'), ['c1', 'g1']],
      [{ type: 'datetime', column: 'Start Time', operator: '>', value: at(1) }, ['e1', 'c1']],
      [number('Time To First Token (s)', '=', 0.25), ['g1']],
      [number('Latency (s)', '>=', 2), ['g1']],
      [number('Tokens per second', '=', 2), ['g1']],
      [number('Total Cost ($)', '=', 0.3), ['g1']],
      [text('Parent Observation ID', '=', 'g1'), ['c1']],
      [text('Provided Model Name', '=', 'gpt-x'), ['g1']],
      [{ type: 'boolean', column: 'Is Root Observation', operator: '=', value: false }, ['c1']],
    ]
    for (const [condition, expected] of named) {
      const filter = JSON.stringify([condition])
      expect(await ids(h, { filter }, 'v2/observations'), filter).toEqual(expected)
    }
    // It replaces the simple parameter on the same column as well.
    const filter = JSON.stringify([text('Name', '=', 'tool')])
    expect(await ids(h, { name: 'answer', filter })).toEqual(['c1'])
  })

  test('matches finds whole words, in input and output in either case, in metadata in the same', async () => {
    const h = await harness()
    const spans: [string, object][] = [
      ['plain', { input: 'a Gold ring', metadata: { k: 'a Gold ring' } }],
      ['longer', { input: 'a golden ring', metadata: { k: 'a Golden ring' } }],
      ['inner', { input: { text: 'first\ngold\tlast' }, metadata: { k: { in: ['Gold'] } } }],
      ['both', { input: 'golden, gold_1', output: 'caf\u00e9 "x"' }],
    ]
    for (const [id, content] of spans) {
      await ingestBatch(h, ['span-create', { id, traceId: 't', ...content }])
    }
    const found = async (condition: object) =>
      (await ids(h, { filter: JSON.stringify([condition]) }, 'v2/observations')).toSorted()
    const inMetadata = (value: string) => ({
      type: 'stringObject',
      column: 'metadata',
      key: 'k',
      operator: 'matches',
      value,
    })
    expect(await found(text('input', 'matches', 'gold'))).toEqual(['both', 'inner', 'plain'])
    expect(await found(text('input', 'matches', 'GOLD RING'))).toEqual(['plain'])
    expect(await found(text('input', 'matches', 'old ring'))).toEqual([])
    expect(await found(text('input', 'matches', 'gold ri'))).toEqual([])
    expect(await found(text('output', 'matches', 'CAF\u00c9 "x"'))).toEqual(['both'])
    expect(await found(text('output', 'matches', 'caf'))).toEqual([])
    expect(await found(inMetadata('Gold'))).toEqual(['inner', 'plain'])
    expect(await found(inMetadata('gold'))).toEqual([])
    expect(h.errors).toEqual([])
  })

  test.each([
    [text('input', 'matches', ' -!'), '`matches` requires at least one search token.'],
    [
      text('name', 'matches', 'x'),
      '`matches` is only supported for input, output, and metadata filters.',
    ],
  ])('%j is refused', async (condition, message) => {
    const h = await harness()
    const query = new URLSearchParams({ filter: JSON.stringify([condition]) })
    const answer = await h.call('GET', `${base}/v2/observations?${query.toString()}`)
    expect(answer).toMatchObject({ status: 400, body: { message, error: 'InvalidRequestError' } })
  })

  test('a condition of the wrong form is refused with issues that lead to it', async () => {
    const h = await harness()
    const filter = JSON.stringify([text('name', '=', 'x'), text('name', 'like', 'x')])
    const query = new URLSearchParams({ filter })
    const answer = await h.call('GET', `${base}/observations?${query.toString()}`)
    expect(answer).toMatchObject({ status: 400, body: { message: 'Invalid request data' } })
    expect(answer.body.error).toMatchObject([
      {
        code: 'invalid_value',
        path: ['filter', 1, 'operator'],
        message: expect.stringMatching(/^Invalid option/),
      },
    ])
  })

  test('a condition replaces the simple parameter on its own column only', async () => {
    const h = await harness()
    await seed(h)
    const filter = JSON.stringify([text('name', '=', 'tool')])
    expect(await ids(h, { name: 'answer', filter })).toEqual(['c1'])
    expect(await ids(h, { type: 'GENERATION', filter })).toEqual([])
  })
})

describe('4xx', () => {
  test.each([
    'limit=0',
    'limit=101',
    'page=0',
    'type=TRACE',
    'level=FATAL',
    'fromStartTime=yesterday',
    'name=a&name=b',
    'filter=%5B1%5D',
  ])('v1 refuses ?%s', async (query) => {
    const h = await harness()
    const answer = await h.call('GET', `${base}/observations?${query}`)
    expect(answer.status, answer.text).toBe(400)
    expect(answer.body.message).toBe('Invalid request data')
    expect(h.errors).toEqual([])
  })

  test.each([
    'limit=-1',
    'limit=1001',
    'limit=x',
    'parseIoAsJson=true',
    'isRootObservation=maybe',
    'filter=nonsense',
    'toStartTime=0',
  ])('v2 refuses ?%s', async (query) => {
    const h = await harness()
    const answer = await h.call('GET', `${base}/v2/observations?${query}`)
    expect(answer.status, answer.text).toBe(400)
    expect(h.errors).toEqual([])
  })

  test.each([
    'garbage',
    Buffer.from('{"lastId":1}').toString('base64'),
    Buffer.from('{"lastStartTimeTo":"soon","lastId":"x"}').toString('base64'),
  ])('v2 refuses the cursor %s', async (cursor) => {
    const h = await harness()
    const answer = await h.call('GET', `${base}/v2/observations?cursor=${cursor}`)
    expect([answer.status, answer.body.message]).toEqual([400, 'Invalid cursor format'])
    expect(h.errors).toEqual([])
  })

  test.each(['unheard', randomUUID(), 'a/b', 'x\0y'])('observation %s is not found', async (id) => {
    const h = await harness()
    const answer = await h.call('GET', `${base}/observations/${encodeURIComponent(id)}`)
    expect(answer).toMatchObject({
      status: 404,
      body: {
        message: 'Observation not found within authorized project',
        error: 'LangfuseNotFoundError',
      },
    })
    expect(h.errors).toEqual([])
  })
})
