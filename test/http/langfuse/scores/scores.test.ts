import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { eventVersion, type IngestEvent } from '../../../../src/domain/events.ts'
import { resolveId } from '../../../../src/domain/ids.ts'
import { harness, type Harness } from '../../../support/harness.ts'
import { ingestBatch } from '../../../support/langfuse-batch.ts'

const base = '/api/public'
const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const traceId = '0af7651916cd43dd8448eb211c80319c'
const observationId = 'b7ad6b7169203331'

async function post(h: Harness, body: object) {
  return h.call('POST', `${base}/scores`, body)
}

async function posted(h: Harness, body: object) {
  const answer = await post(h, { name: 's', traceId, value: 1, ...body })
  expect(answer.status, answer.text).toBe(200)
  return answer.body.id as string
}

async function read(h: Harness, id: string) {
  const answer = await h.call('GET', `${base}/v2/scores/${encodeURIComponent(id)}`)
  expect(answer.status, answer.text).toBe(200)
  return answer.body
}

async function names(h: Harness, query: string, path = '/v2/scores') {
  const answer = await h.call('GET', `${base}${path}?${query}`)
  expect(answer.status, answer.text).toBe(200)
  return (answer.body.data as { name: string }[]).map(({ name }) => name).toSorted()
}

async function config(h: Harness, body: object) {
  const answer = await h.call('POST', `${base}/score-configs`, body)
  expect(answer.status, answer.text).toBe(200)
  return answer.body.id as string
}

function feedbackEvent(id: string, patch: IngestEvent['patch']): IngestEvent {
  const createdAt = '2026-01-21T14:35:42.000000Z'
  return {
    kind: 'feedback',
    ...resolveId('feedback', id),
    version: eventVersion('create', createdAt, id),
    patch: { key: id, createdAt, sourceType: 'api', ...patch },
  } as IngestEvent
}

describe('200', () => {
  test('a score on a trace that has not been sent reads back at once, with every key', async () => {
    const h = await harness()
    const id = await posted(h, {
      name: 'acc',
      value: 0.85,
      observationId,
      comment: 'c',
      metadata: { z: 1, text: 'a', list: [1], json: '{"k":1}' },
      queueId: 'q',
      environment: 'LANGFUSE-Prod',
    })
    expect(await read(h, id)).toEqual({
      id,
      projectId: h.tenant.id,
      environment: 'prod',
      name: 'acc',
      value: 0.85,
      source: 'API',
      authorUserId: null,
      comment: 'c',
      metadata: { z: 1, text: 'a', list: [1], json: { k: 1 } },
      configId: null,
      queueId: 'q',
      executionTraceId: null,
      createdAt: expect.stringMatching(iso),
      updatedAt: expect.stringMatching(iso),
      timestamp: expect.stringMatching(iso),
      traceId,
      observationId,
      sessionId: null,
      datasetRunId: null,
      stringValue: null,
      dataType: 'NUMERIC',
    })
  })

  test.each([
    ['a number is NUMERIC', { value: 2 }, { dataType: 'NUMERIC', value: 2, stringValue: null }],
    [
      'a string is CATEGORICAL',
      { value: 'good' },
      { dataType: 'CATEGORICAL', value: 0, stringValue: 'good' },
    ],
    [
      'a boolean is BOOLEAN',
      { value: true },
      { dataType: 'BOOLEAN', value: 1, stringValue: 'True' },
    ],
    [
      'BOOLEAN takes 0',
      { value: 0, dataType: 'BOOLEAN' },
      { dataType: 'BOOLEAN', value: 0, stringValue: 'False' },
    ],
    [
      'BOOLEAN takes true, as JavaScript evaluators send it',
      { value: true, dataType: 'BOOLEAN' },
      { dataType: 'BOOLEAN', value: 1, stringValue: 'True' },
    ],
    [
      'BOOLEAN takes false',
      { value: false, dataType: 'BOOLEAN' },
      { dataType: 'BOOLEAN', value: 0, stringValue: 'False' },
    ],
    [
      'TEXT has no value',
      { value: 'long', dataType: 'TEXT' },
      { dataType: 'TEXT', stringValue: 'long' },
    ],
    [
      'CORRECTION is named output',
      { value: 'better', dataType: 'CORRECTION' },
      { dataType: 'CORRECTION', value: 0, stringValue: 'better', name: 'output' },
    ],
  ])('%s', async (_, sent, expected) => {
    const h = await harness()
    const score = await read(h, await posted(h, sent))
    expect(score).toMatchObject(expected)
    expect('value' in score).toBe('value' in expected)
  })

  test('scores on a session and on a dataset run keep their target, whatever its id', async () => {
    const h = await harness()
    const session = await posted(h, { traceId: null, sessionId: 'sess-1' })
    const run = await posted(h, { traceId: undefined, datasetRunId: 'run-05a6b6fd' })
    expect(await read(h, session)).toMatchObject({
      sessionId: 'sess-1',
      traceId: null,
      observationId: null,
      datasetRunId: null,
    })
    expect(await read(h, run)).toMatchObject({ datasetRunId: 'run-05a6b6fd', sessionId: null })
    expect(await names(h, 'datasetRunId=run-05a6b6fd')).toHaveLength(1)
    expect(await names(h, 'sessionId=sess-1')).toHaveLength(1)
  })

  test('a score sent again under its id changes: absent keeps, null clears, trace and time stay', async () => {
    const h = await harness()
    const id = 'my score / 1'
    await posted(h, { id, comment: 'c', metadata: { a: 1, b: 1 }, observationId, environment: 'x' })
    const before = await read(h, id)
    expect(before.id).toBe(id)
    h.clock.advance(1000)
    await posted(h, {
      id,
      traceId: 'other',
      value: 'bad',
      comment: null,
      metadata: { b: 2 },
      environment: 'y',
    })
    expect(await read(h, id)).toEqual({
      ...before,
      value: 0,
      stringValue: 'bad',
      dataType: 'CATEGORICAL',
      comment: null,
      metadata: { a: 1, b: 2 },
      updatedAt: expect.not.stringMatching(before.updatedAt),
    })
    expect(await names(h, '')).toHaveLength(1)
  })

  test.each([
    ['a scalar', '7', { metadata: 7 }],
    ['a list', '[1,"a"]', { metadata: [1, 'a'] }],
    ['null', 'null', {}],
    ['an empty object', '{}', {}],
  ])('metadata that is %s reads as an object', async (_, metadata, expected) => {
    const h = await harness()
    const id = await posted(h, { metadata: JSON.parse(metadata) })
    expect((await read(h, id)).metadata).toEqual(expected)
  })

  test('a config determines the name, the type and the number of a label', async () => {
    const h = await harness()
    const configId = await config(h, {
      name: 'quality',
      dataType: 'CATEGORICAL',
      categories: [
        { label: 'good', value: 3 },
        { label: 'bad', value: -1 },
      ],
    })
    const id = await posted(h, { name: 'else', value: 'good', configId, source: 'ANNOTATION' })
    expect(await read(h, id)).toMatchObject({
      name: 'quality',
      dataType: 'CATEGORICAL',
      value: 3,
      stringValue: 'good',
      configId,
      source: 'ANNOTATION',
    })
    const flag = await config(h, { name: 'flag', dataType: 'BOOLEAN' })
    expect(await read(h, await posted(h, { value: 1, configId: flag }))).toMatchObject({
      name: 'flag',
      dataType: 'BOOLEAN',
      stringValue: 'True',
    })
  })

  test('the public key alone can send scores, but not read any', async () => {
    const h = await harness()
    const headers = { authorization: `Bearer ${h.tenant.publicKey}` }
    const sent = await h.call('POST', `${base}/scores`, { name: 's', value: 1, traceId }, headers)
    expect(sent.status).toBe(200)
    expect((await read(h, sent.body.id)).name).toBe('s')
    expect((await h.call('GET', `${base}/v2/scores`, undefined, headers)).status).toBe(403)
    const gone = await h.call('DELETE', `${base}/scores/${sent.body.id}`, undefined, headers)
    expect(gone.status).toBe(403)
  })

  test('every condition of v2 narrows the list', async () => {
    const h = await harness()
    await h.ingest({
      kind: 'trace',
      ...resolveId('trace', traceId),
      version: '1',
      patch: { userId: 'u', tags: ['x', 'y'], threadId: 'th', environment: 'prod', name: 't' },
    })
    await posted(h, { name: 'a', id: 'a', value: 0.2, observationId: 'o1', environment: 'x' })
    await posted(h, { name: 'b', id: 'b', value: 0.8, observationId: 'o2', queueId: 'q' })
    await posted(h, { name: 'c', id: 'c', value: 'label', traceId: 'other' })
    await posted(h, {
      name: 'd',
      id: 'd',
      value: 1,
      dataType: 'BOOLEAN',
      traceId: null,
      sessionId: 'th',
    })
    expect(await names(h, '')).toEqual(['a', 'b', 'c', 'd'])
    expect(await names(h, 'name=a')).toEqual(['a'])
    expect(await names(h, `traceId=${traceId}`)).toEqual(['a', 'b'])
    expect(await names(h, 'observationId=o1,o2')).toEqual(['a', 'b'])
    expect(await names(h, 'sessionId=th')).toEqual(['d'])
    expect(await names(h, 'userId=u')).toEqual(['a', 'b'])
    expect(await names(h, 'traceTags=x&traceTags=y')).toEqual(['a', 'b'])
    expect(await names(h, 'traceTags=x,z')).toEqual([])
    expect(await names(h, 'dataType=BOOLEAN')).toEqual(['d'])
    expect(await names(h, 'dataType=CATEGORICAL')).toEqual(['c'])
    expect(await names(h, 'environment=x&environment=y')).toEqual(['a'])
    expect(await names(h, 'environment=default')).toEqual(['b', 'c', 'd'])
    expect(await names(h, 'queueId=q')).toEqual(['b'])
    expect(await names(h, 'value=0.5&operator=%3E')).toEqual(['b', 'd'])
    expect(await names(h, 'value=0.2&operator=!%3D')).toEqual(['b', 'd'])
    expect(await names(h, 'scoreIds=a,c,nothing')).toEqual(['a', 'c'])
    expect(await names(h, 'source=ANNOTATION')).toEqual([])
    expect(await names(h, 'source=API')).toEqual(['a', 'b', 'c', 'd'])
    expect(await names(h, 'fromTimestamp=2030-01-01T00:00:00Z')).toEqual([])
    expect(await names(h, 'toTimestamp=2030-01-01T00:00:00Z')).toEqual(['a', 'b', 'c', 'd'])
    expect(await names(h, 'name=&traceId=&environment=')).toEqual(['a', 'b', 'c', 'd'])
  })

  test('every column of the filter narrows the list, and replaces the simple parameter', async () => {
    const h = await harness()
    await h.ingest({
      kind: 'trace',
      ...resolveId('trace', traceId),
      version: '1',
      patch: { userId: 'u', tags: ['x', 'y'], name: 't' },
    })
    await posted(h, { name: 'a', id: 'a', value: 0.2, observationId, metadata: { k: 'v' } })
    await posted(h, { name: 'b', id: 'b', value: true, comment: 'fine', environment: 'prod' })
    // Only a batch may have scores of evaluators.
    const evaluated = { id: 'c', name: 'c', value: 'label', sessionId: 'th', source: 'EVAL' }
    await ingestBatch(h, ['score-create', evaluated])
    const filtered = async (condition: object, query = '') =>
      names(h, `filter=${encodeURIComponent(JSON.stringify([condition]))}${query}`)
    const string = async (column: string, value: string) =>
      filtered({ type: 'string', column, operator: '=', value })
    expect(await string('id', 'a')).toEqual(['a'])
    expect(await string('name', 'b')).toEqual(['b'])
    expect(await string('traceId', traceId)).toEqual(['a', 'b'])
    expect(await string('observationId', observationId)).toEqual(['a'])
    expect(await string('sessionId', 'th')).toEqual(['c'])
    expect(await string('environment', 'default')).toEqual(['a', 'c'])
    expect(await string('source', 'EVAL')).toEqual(['c'])
    expect(await string('comment', 'fine')).toEqual(['b'])
    expect(await string('dataType', 'BOOLEAN')).toEqual(['b'])
    expect(await string('stringValue', 'True')).toEqual(['b'])
    expect(await string('stringValue', 'label')).toEqual(['c'])
    expect(await string('traceName', 't')).toEqual(['a', 'b'])
    expect(await string('userId', 'u')).toEqual(['a', 'b'])
    expect(await string('authorUserId', 'u')).toEqual([])
    expect(await filtered({ type: 'number', column: 'value', operator: '<', value: 0.5 })).toEqual([
      'a',
    ])
    const flag = { type: 'boolean', column: 'booleanValue', operator: '=', value: true }
    expect(await filtered(flag)).toEqual(['b'])
    const member = { type: 'stringObject', column: 'metadata', key: 'k', operator: '=', value: 'v' }
    expect(await filtered(member)).toEqual(['a'])
    const tags = { type: 'arrayOptions', column: 'trace_tags', operator: 'all of', value: ['x'] }
    expect(await filtered(tags)).toEqual(['a', 'b'])
    const late = {
      type: 'datetime',
      column: 'timestamp',
      operator: '>',
      value: '2030-01-01T00:00:00Z',
    }
    expect(await filtered(late)).toEqual([])
    const named = { type: 'stringOptions', column: 'name', operator: 'any of', value: ['a', 'b'] }
    expect(await filtered(named, '&name=c')).toEqual(['a', 'b'])
    expect(await filtered(named, '&dataType=NUMERIC')).toEqual(['a'])
  })

  test('v2 lists newest first, page by page, each score with its trace', async () => {
    const h = await harness()
    await h.ingest({
      kind: 'trace',
      ...resolveId('trace', traceId),
      version: '1',
      patch: { userId: 'u', tags: ['x'], threadId: 'th', environment: 'prod', name: 't' },
    })
    for (const name of ['a', 'b', 'c']) await posted(h, { name })
    await posted(h, { name: 'd', traceId: 'unknown' })
    const first = await h.call('GET', `${base}/v2/scores?limit=3`)
    expect(first.body.meta).toEqual({ page: 1, limit: 3, totalItems: 4, totalPages: 2 })
    expect(first.body.data.map((score: { name: string }) => score.name)).toEqual(['d', 'c', 'b'])
    expect(first.body.data[0].trace).toBeNull()
    expect(first.body.data[1].trace).toEqual({
      userId: 'u',
      tags: ['x'],
      environment: 'prod',
      sessionId: 'th',
    })
    expect(await names(h, 'limit=3&page=2')).toEqual(['a'])
    const bare = await h.call('GET', `${base}/v2/scores?fields=score`)
    expect(bare.body.data.map(({ trace }: { trace: unknown }) => trace)).toEqual([
      null,
      null,
      null,
      null,
    ])
    for (const fields of ['', 'trace,score', 'score,trace,unheard']) {
      const full = await h.call('GET', `${base}/v2/scores?limit=3&fields=${fields}`)
      expect(full.body, fields).toEqual(first.body)
    }
  })

  test('together with a property of the trace, the environment is also that of the trace', async () => {
    const h = await harness()
    for (const [id, environment] of [
      ['t1', 'prod'],
      ['t2', 'dev'],
    ]) {
      await ingestBatch(h, ['trace-create', { id, environment, userId: 'u', tags: ['x'] }])
    }
    for (const [name, trace] of [
      ['a', 't1'],
      ['b', 't2'],
      ['c', 'unheard'],
    ]) {
      await posted(h, { name, traceId: trace, environment: 'prod' })
    }
    expect(await names(h, 'environment=prod')).toEqual(['a', 'b', 'c'])
    expect(await names(h, 'environment=prod&userId=u')).toEqual(['a'])
    expect(await names(h, 'environment=prod&traceTags=x', '/scores')).toEqual(['a'])
    expect(await names(h, 'environment=prod,dev&userId=u')).toEqual(['a', 'b'])
  })

  test.each([
    [
      'v2/scores',
      'dataType=&source=&operator=&value=&fromTimestamp=&traceTags=&userId=&fields=score',
    ],
    ['scores', 'dataType=&source=&toTimestamp=&page=&limit=&filter='],
    [
      'v3/scores',
      'valueMin=&valueMax=&value=&source=&dataType=&userId=&traceTags=&fromTimestamp=&cursor=',
    ],
  ])('empty parameters of %s count as absent', async (path, query) => {
    const h = await harness()
    await posted(h, { name: 'a', value: -1 })
    expect(await names(h, query, `/${path}`)).toEqual(['a'])
  })

  test('v1 does not show scores on sessions and runs, or corrections', async () => {
    const h = await harness()
    const known = await posted(h, { name: 'a' })
    const session = await posted(h, { name: 'b', traceId: null, sessionId: 's' })
    const correction = await posted(h, { value: 'x', dataType: 'CORRECTION' })
    expect(await names(h, '', '/scores')).toEqual(['a'])
    expect((await h.call('GET', `${base}/scores/${known}`)).body.traceId).toBe(traceId)
    for (const id of [session, correction]) {
      const answer = await h.call('GET', `${base}/scores/${id}`)
      expect(answer.status).toBe(404)
    }
  })

  test("v3 returns one value of the score's type, and the groups that are asked for", async () => {
    const h = await harness()
    await posted(h, { id: 'n', name: 'n', value: 0.5, comment: 'c', metadata: { k: 1 } })
    await posted(h, { id: 'b', name: 'b', value: true, observationId })
    await posted(h, { id: 'c', name: 'c', value: 'label', traceId: null, sessionId: 's' })
    await posted(h, {
      id: 't',
      name: 't',
      value: 'text',
      dataType: 'TEXT',
      traceId: null,
      datasetRunId: 'r',
    })
    const { body } = await h.call(
      'GET',
      `${base}/v3/scores?fields=core,details,subject,annotation&limit=4`,
    )
    expect(body.meta).toEqual({ limit: 4 })
    expect(body.data.map((score: { value: unknown }) => score.value)).toEqual([
      'text',
      'label',
      true,
      0.5,
    ])
    expect(body.data.map((score: { subject: unknown }) => score.subject)).toEqual([
      { kind: 'experiment', id: 'r' },
      { kind: 'session', id: 's' },
      { kind: 'observation', id: observationId, traceId },
      { kind: 'trace', id: traceId },
    ])
    expect(body.data[3]).toMatchObject({
      comment: 'c',
      metadata: { k: 1 },
      configId: null,
      authorUserId: null,
      queueId: null,
    })
    const core = (await h.call('GET', `${base}/v3/scores?id=n`)).body.data[0]
    expect(Object.keys(core).toSorted()).toEqual(
      [
        'id',
        'projectId',
        'name',
        'value',
        'dataType',
        'source',
        'timestamp',
        'environment',
        'createdAt',
        'updatedAt',
      ].toSorted(),
    )
  })

  test('the cursor of v3 visits all scores once, whatever arrives meanwhile', async () => {
    const h = await harness()
    const sent = new Set<string>()
    for (let i = 0; i < 5; i++) sent.add(await posted(h, { name: `n${i}` }))
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const answer = await h.call(
        'GET',
        `${base}/v3/scores?limit=2${cursor === undefined ? '' : `&cursor=${cursor}`}`,
      )
      seen.push(...answer.body.data.map((score: { id: string }) => score.id))
      cursor = answer.body.meta.cursor
      await posted(h, { name: 'late' })
    } while (cursor !== undefined)
    expect(seen).toHaveLength(5)
    expect(new Set(seen)).toEqual(sent)
  })

  test('the conditions of v3 narrow the list', async () => {
    const h = await harness()
    await posted(h, { name: 'a', value: 0.2 })
    await posted(h, { name: 'b', value: 0.8, observationId })
    await posted(h, { name: 'c', value: true })
    await posted(h, { name: 'd', value: 'label', traceId: null, sessionId: 's' })
    const v3 = async (query: string) => names(h, query, '/v3/scores')
    expect(await v3('dataType=numeric')).toEqual(['a', 'b'])
    expect(await v3('dataType=numeric,Boolean&source=api')).toEqual(['a', 'b', 'c'])
    expect(await v3('dataType=NUMERIC&valueMin=0.5&valueMax=0.8')).toEqual(['b'])
    expect(await v3('dataType=NUMERIC&value=0.2,0.8')).toEqual(['a', 'b'])
    expect(await v3('dataType=BOOLEAN&value=true')).toEqual(['c'])
    expect(await v3('dataType=CATEGORICAL&value=label')).toEqual(['d'])
    expect(await v3(`traceId=${traceId}&observationId=${observationId}`)).toEqual(['b'])
    expect(await v3('sessionId=s,t')).toEqual(['d'])
    expect(await v3('name=a,d')).toEqual(['a', 'd'])
    expect(await v3('authorUserId=someone')).toEqual([])
    expect(await v3('toTimestamp=2026-01-01')).toEqual([])
  })

  test("LangSmith's feedback is read as a score of the type that its values have", async () => {
    const h = await harness()
    const traced = { traceId: resolveId('trace', traceId).id, externalTraceId: traceId }
    await h.ingest(
      feedbackEvent('number', { ...traced, score: '0.5', scoreNumber: 0.5 }),
      feedbackEvent('flag', { ...traced, score: 'true', scoreNumber: 1, sourceType: 'model' }),
      feedbackEvent('label', { ...traced, value: '"good"', valueText: 'good', sourceType: 'app' }),
      feedbackEvent('remark', { ...traced, comment: 'hm' }),
      feedbackEvent('object', { ...traced, value: '{"a":1}' }),
    )
    const { body } = await h.call('GET', `${base}/v2/scores?traceId=${traceId}&fields=score`)
    const found = Object.fromEntries(
      body.data.map((score: { name: string }) => [score.name, score]),
    )
    expect(found.number).toMatchObject({ dataType: 'NUMERIC', value: 0.5, source: 'API' })
    expect(found.flag).toMatchObject({ dataType: 'BOOLEAN', stringValue: 'True', source: 'EVAL' })
    expect(found.label).toMatchObject({
      dataType: 'CATEGORICAL',
      stringValue: 'good',
      source: 'ANNOTATION',
    })
    expect(found.remark).toMatchObject({ dataType: 'TEXT', stringValue: 'hm' })
    expect(found.object).toMatchObject({ dataType: 'TEXT', stringValue: '{"a":1}' })
    expect(await names(h, 'dataType=TEXT')).toEqual(['object', 'remark'])
  })
})

describe('202', () => {
  test('a deleted score is gone, what was sent before its deletion has no effect, and it can be sent anew', async () => {
    const h = await harness()
    const id = await posted(h, { id: 'known' })
    const late = (one: string) => ({
      batch: [
        {
          id: randomUUID(),
          type: 'score-create',
          timestamp: '2026-01-01T00:00:00.000Z',
          body: { id: one, traceId: 't', name: 'late', value: 1 },
        },
      ],
    })
    for (const one of [id, 'unknown']) {
      const read = async () => h.call('GET', `${base}/v2/scores/${one}`)
      for (const again of ['again', 'and again']) {
        const answer = await h.call('DELETE', `${base}/scores/${one}`)
        expect([answer.status, answer.body]).toEqual([
          202,
          { message: 'Score deletion queued successfully' },
        ])
        expect((await h.call('POST', `${base}/ingestion`, late(one))).status).toBe(207)
        await h.drain()
        expect((await read()).status).toBe(404)

        await posted(h, { id: one, comment: again })
        expect((await read()).body).toMatchObject({ comment: again })
      }
    }
  })
})

describe('400', () => {
  test.each([
    ['no name', { name: undefined }],
    ['an empty name', { name: '' }],
    ['a name too long to be looked up', { name: 'x'.repeat(501) }],
    ['no value', { value: undefined }],
    ['a null value', { value: null }],
    ['an object as value', { value: {} }],
    ['no subject', { traceId: null }],
    ['an empty subject', { traceId: '' }],
    ['two subjects', { sessionId: 's' }],
    ['an observation without trace', { traceId: null, sessionId: 's', observationId: 'o' }],
    ['a null type', { dataType: null }],
    ['an unknown type', { dataType: 'OTHER' }],
    ['a string as number', { value: '1', dataType: 'NUMERIC' }],
    ['2 as boolean', { value: 2, dataType: 'BOOLEAN' }],
    ['a number as label', { value: 1, dataType: 'CATEGORICAL' }],
    ['an empty text', { value: '', dataType: 'TEXT' }],
    ['a long text', { value: 'x'.repeat(501), dataType: 'TEXT' }],
    [
      'a correction of a session',
      { value: 'x', dataType: 'CORRECTION', traceId: null, sessionId: 's' },
    ],
    ['a correction with a config', { value: 'x', dataType: 'CORRECTION', configId: 'c' }],
    ['an annotation without config', { source: 'ANNOTATION' }],
    ['an unknown source', { source: 'OTHER' }],
    ['an unknown config', { configId: 'nothing' }],
    ['a config of nobody', { configId: '00000000-0000-4000-8000-000000000000' }],
    ['a number as comment', { comment: 1 }],
    ['an evaluator as source', { source: 'EVAL' }],
    ['a time without a zone', { timestamp: '2026-01-21T14:35:42' }],
    ['a carriage return in its id', { id: 'a\rb' }],
  ])('%s is refused, and nothing is stored', async (_, body) => {
    const h = await harness()
    const answer = await post(h, { name: 's', traceId, value: 1, ...body })
    expect(answer.status, answer.text).toBe(400)
    expect(answer.body).toHaveProperty('message')
    await h.drain()
    expect(await names(h, '')).toEqual([])
    expect(h.errors).toEqual([])
  })

  test('a target that is missing or ambiguous is reported in the words of the contract', async () => {
    const h = await harness()
    const answer = await post(h, { name: 's', value: 1 })
    expect(answer.body.message).toBe('Invalid request data')
    expect(answer.body.error).toEqual([
      {
        code: 'custom',
        path: ['traceId', 'sessionId', 'datasetRunId', 'observationId'],
        message: expect.stringMatching(/^Provide exactly one of the following/),
      },
    ])
  })

  test('a number too large for metadata is refused', async () => {
    const h = await harness()
    const body = `{"name":"s","traceId":"t","value":1,"metadata":{"n":1e99999}}`
    expect((await h.call('POST', `${base}/scores`, body)).status).toBe(400)
    expect(h.errors).toEqual([])
  })

  test.each([
    ['below the minimum', { minValue: 0, maxValue: 1 }, -0.1],
    ['above the maximum', { minValue: 0, maxValue: 1 }, 1.1],
    ['not of the type', {}, 'label'],
  ])('a value %s of its config is refused', async (_, bounds, value) => {
    const h = await harness()
    const configId = await config(h, { name: 'n', dataType: 'NUMERIC', ...bounds })
    const answer = await post(h, { name: 's', traceId, value, configId })
    expect(answer.status).toBe(400)
    expect(answer.body.error).toBe('InvalidRequestError')
    expect(await names(h, '')).toEqual([])
  })

  test('a config that is archived, of another type, or lacks the category accepts no score', async () => {
    const h = await harness()
    const configId = await config(h, {
      name: 'c',
      dataType: 'CATEGORICAL',
      categories: [{ label: 'yes', value: 1 }],
    })
    expect((await post(h, { name: 's', traceId, value: 'no', configId })).status).toBe(400)
    const typed = { name: 's', traceId, value: 1, dataType: 'NUMERIC', configId }
    expect((await post(h, typed)).status).toBe(400)
    await h.call('PATCH', `${base}/score-configs/${configId}`, { isArchived: true })
    expect((await post(h, { name: 's', traceId, value: 'yes', configId })).status).toBe(400)
    await h.call('PATCH', `${base}/score-configs/${configId}`, { isArchived: false })
    expect((await post(h, { name: 's', traceId, value: 'yes', configId })).status).toBe(200)
  })

  test.each([
    ['fields=trace', 'Scores needs to be selected always.'],
    ['fields=unheard', 'Scores needs to be selected always.'],
    ['fields=score&userId=u', /^Cannot filter by trace properties/],
    ['fields=score&traceTags=x', /^Cannot filter by trace properties/],
  ])('v2/scores?%s is refused in the words of the contract', async (query, message) => {
    const h = await harness()
    const { status, body } = await h.call('GET', `${base}/v2/scores?${query}`)
    expect([status, body.error]).toEqual([400, 'InvalidRequestError'])
    expect(body.message).toMatch(message)
  })

  test.each([
    ['observationId=o', ['observationId']],
    ['traceId=t&sessionId=s', ['traceId', 'sessionId', 'experimentId']],
    ['value=1', ['dataType']],
    ['value=x&dataType=NUMERIC', ['value']],
    ['value=1&dataType=BOOLEAN', ['value']],
    ['valueMin=0', ['dataType']],
  ])('v3/scores?%s is refused with an issue', async (query, path) => {
    const h = await harness()
    const { status, body } = await h.call('GET', `${base}/v3/scores?${query}`)
    expect([status, body.message]).toEqual([400, 'Invalid request data'])
    expect(body.error).toEqual([{ code: 'custom', path, message: expect.any(String) }])
  })

  test.each([
    'v2/scores?limit=0',
    'v2/scores?limit=101',
    'v2/scores?page=0',
    'v2/scores?dataType=OTHER',
    'v2/scores?operator=like&value=1',
    'v2/scores?value=x&operator=%3D',
    'v2/scores?fromTimestamp=2026-01-01',
    'v2/scores?filter=%5B%7B%7D%5D',
    'v2/scores?filter=nonsense',
    'v3/scores?limit=101',
    'v3/scores?other=1',
    'v3/scores?userId=u',
    'v3/scores?fields=core,other',
    'v3/scores?dataType=other',
    'v3/scores?observationId=o',
    'v3/scores?traceId=t&sessionId=s',
    'v3/scores?sessionId=s&experimentId=e',
    'v3/scores?value=1',
    'v3/scores?value=1&dataType=TEXT',
    'v3/scores?value=1&dataType=NUMERIC,BOOLEAN',
    'v3/scores?value=x&dataType=NUMERIC',
    'v3/scores?value=1&dataType=BOOLEAN',
    'v3/scores?valueMin=1',
    'v3/scores?cursor=nonsense',
    'v3/scores?cursor=e30',
  ])('%s is refused', async (path) => {
    const h = await harness()
    expect((await h.call('GET', `${base}/${path}`)).status).toBe(400)
    expect(h.errors).toEqual([])
  })
})

describe('404', () => {
  test('a score that does not exist is not found, in the words that clients poll for', async () => {
    const h = await harness()
    for (const path of ['v2/scores/nothing', 'scores/nothing', `v2/scores/%00`]) {
      const answer = await h.call('GET', `${base}/${path}`)
      expect([answer.status, answer.body]).toEqual([
        404,
        { message: 'Score not found', error: 'LangfuseNotFoundError' },
      ])
    }
  })

  test("another tenant's scores and configs cannot be read, changed, used or deleted", async () => {
    const h = await harness()
    const other = await h.addTenant()
    const id = await posted(h, { id: 'shared' })
    const configId = await config(h, { name: 'c', dataType: 'NUMERIC' })
    const as = async (method: string, path: string, body?: unknown) =>
      (await h.callAs(other, method, `${base}${path}`, body)).status
    expect(await as('GET', `/v2/scores/${id}`)).toBe(404)
    expect(await as('GET', `/scores/${id}`)).toBe(404)
    expect(await as('GET', `/score-configs/${configId}`)).toBe(404)
    expect(await as('PATCH', `/score-configs/${configId}`, { isArchived: true })).toBe(404)
    expect(await as('POST', '/scores', { name: 's', traceId, value: 1, configId })).toBe(400)
    expect(await as('DELETE', `/scores/${id}`)).toBe(202)
    for (const path of ['/scores', '/v2/scores', '/v3/scores', '/score-configs']) {
      const list = await h.callAs(other, 'GET', `${base}${path}`)
      expect(list.body.data).toEqual([])
    }
    expect((await read(h, id)).name).toBe('s')
    expect((await h.call('GET', `${base}/score-configs/${configId}`)).body.isArchived).toBe(false)
  })
})
