import {
  type LangfuseObservationType,
  propagateAttributes,
  setActiveTraceAsPublic,
  startActiveObservation,
  startObservation,
} from '@langfuse/tracing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testsRunOnRedis } from '../../../support/redis.ts'
import { startServer, type RunningServer } from '../../langsmith/server.ts'
import { startSdk, type Sdk } from './sdk.ts'
import { byName, cost, eventually, usage } from './sums.ts'

/**
 * Traces of `@langfuse/tracing` and `@langfuse/otel`, scores and score configs, unmodified, against the real process.
 */

const queues = testsRunOnRedis() ? (['postgres', 'redis'] as const) : (['postgres'] as const)

const types = [
  'span',
  'generation',
  'embedding',
  'tool',
  'retriever',
  'chain',
  'agent',
  'evaluator',
  'guardrail',
  'event',
] as const satisfies LangfuseObservationType[]

const sessionId = 'session/1 ü'
const question = { text: 'why?', parts: [1, 2.5, null, true], 'a.b': { c: '' } }

describe.each(queues)('@langfuse/tracing, queue in %s', (queue) => {
  let server: RunningServer
  let sdk: Sdk
  let traceId: string
  let rootId: string
  let modelId: string

  beforeAll(async () => {
    server = await startServer(queue)
    sdk = startSdk(server)
    const attributes = {
      traceName: 'chat',
      userId: 'user-1',
      sessionId,
      tags: ['a', 'b'],
      metadata: { plan: 'free' },
      version: 'v1',
    }
    propagateAttributes(attributes, () =>
      startActiveObservation(
        'root',
        (root) => {
          traceId = root.traceId
          rootId = root.id
          setActiveTraceAsPublic()
          root.update({ input: question, metadata: { nested: { k: [1, 'x'] }, count: 7 } })
          startActiveObservation(
            'model',
            (model) => {
              modelId = model.id
              model.update({
                input: [{ role: 'user', content: 'why?' }],
                output: { role: 'assistant', content: 'because' },
                model: 'm-1',
                modelParameters: { temperature: 0.5, maxTokens: 10 },
                usageDetails: { ...usage, input_cached: 1 },
                costDetails: cost,
                completionStartTime: new Date(),
              })
            },
            { asType: 'generation' },
          )
          for (const type of types)
            startObservation(`a ${type}`, {}, { asType: type as 'span' }).end()
          root.startObservation('broken', { level: 'ERROR', statusMessage: 'it broke' }).end()
          root.update({ output: { answer: 'because' } })
        },
        { asType: 'agent' },
      ),
    )
    await sdk.flush()
    await eventually(
      async () => sdk.langfuse.api.trace.get(traceId),
      ({ observations }) => observations.length === types.length + 3,
    )
  })

  afterAll(async () => {
    await sdk.stop()
    await server.stop()
  })

  test('the trace has the propagated attributes, and input and output of its root', async () => {
    const trace = await sdk.langfuse.api.trace.get(traceId)
    expect(trace).toMatchObject({
      name: 'chat',
      userId: 'user-1',
      sessionId,
      tags: ['a', 'b'],
      version: 'v1',
      public: true,
      environment: 'default',
      input: question,
      output: { answer: 'because' },
      metadata: { plan: 'free' },
      totalCost: cost.total,
    })
    expect(trace.latency).toBeGreaterThanOrEqual(0)
  })

  test('observations of every type are children of where they were started', async () => {
    const { observations } = await sdk.langfuse.api.trace.get(traceId)
    const shown = byName(observations)
    for (const type of types) {
      expect(shown.get(`a ${type}`)).toMatchObject({
        type: type.toUpperCase(),
        parentObservationId: rootId,
      })
    }
    expect(shown.get('root')).toMatchObject({
      id: rootId,
      type: 'AGENT',
      parentObservationId: null,
      metadata: { nested: { k: [1, 'x'] }, count: 7 },
    })
    expect(shown.get('broken')).toMatchObject({ level: 'ERROR', statusMessage: 'it broke' })
  })

  test('a generation keeps model, parameters, usage and cost, in v1 and in v2', async () => {
    const { api } = sdk.langfuse
    const usageDetails = { ...usage, input_cached: 1 }
    const v1 = await api.legacy.observationsV1.get(modelId)
    expect(v1).toMatchObject({
      traceId,
      parentObservationId: rootId,
      type: 'GENERATION',
      model: 'm-1',
      modelParameters: { temperature: 0.5, maxTokens: 10 },
      usageDetails,
      costDetails: cost,
      calculatedInputCost: cost.input,
      calculatedOutputCost: cost.output,
      calculatedTotalCost: cost.total,
      input: [{ role: 'user', content: 'why?' }],
      output: { role: 'assistant', content: 'because' },
    })
    const { data } = await api.observations.getMany({
      traceId,
      type: 'GENERATION',
      name: 'model',
      fields: 'core,basic,time,io,metadata,model,usage,metrics,trace_context',
    })
    expect(data).toHaveLength(1)
    expect(data[0]).toMatchObject({
      id: modelId,
      isRootObservation: false,
      input: '[{"role":"user","content":"why?"}]',
      output: '{"role":"assistant","content":"because"}',
      providedModelName: 'm-1',
      modelParameters: { temperature: 0.5, maxTokens: 10 },
      usageDetails,
      costDetails: cost,
      totalCost: cost.total,
      userId: 'user-1',
      sessionId,
      traceName: 'chat',
      tags: ['a', 'b'],
      completionStartTime: v1.completionStartTime,
    })
  })

  test('observations are listed page by page, by cursor and by number', async () => {
    const { api } = sdk.langfuse
    const found: string[] = []
    let cursor: string | undefined
    do {
      const page = await api.observations.getMany({
        traceId,
        limit: 5,
        ...(cursor === undefined ? {} : { cursor }),
      })
      found.push(...page.data.map(({ id }) => id))
      cursor = page.meta.cursor
    } while (cursor !== undefined)
    expect(new Set(found).size).toBe(types.length + 3)
    expect(found).toHaveLength(types.length + 3)
    const { data, meta } = await api.legacy.observationsV1.getMany({ traceId, limit: 5, page: 3 })
    expect(meta).toEqual({ page: 3, limit: 5, totalItems: 13, totalPages: 3 })
    expect(data).toHaveLength(3)
  })

  test('traces are found by user, session, tags and filter; the session contains its traces', async () => {
    const { api } = sdk.langfuse
    const filter = JSON.stringify([
      { type: 'stringObject', column: 'metadata', key: 'plan', operator: '=', value: 'free' },
    ])
    const asked = [{ userId: 'user-1' }, { sessionId }, { tags: ['a', 'b'] }, { name: 'chat' }]
    for (const query of [...asked, { filter }]) {
      const { data } = await api.trace.list(query)
      expect(data.map(({ id }) => id)).toEqual([traceId])
    }
    expect((await api.trace.list({ tags: ['a', 'c'] })).data).toEqual([])
    expect((await api.trace.list({ userId: 'user-2' })).data).toEqual([])
    const session = await api.sessions.get(sessionId)
    expect(session).toMatchObject({
      id: sessionId,
      traces: [{ id: traceId, name: 'chat', userId: 'user-1' }],
    })
    const { data } = await api.sessions.list()
    expect(data.map(({ id }) => id)).toEqual([sessionId])
  })

  test('scores of each type on trace, observation and session read back in v2 and v3', async () => {
    const { langfuse } = sdk
    const on = { traceId, observationId: modelId }
    langfuse.score.create({ id: 's-number', traceId, name: 'number', value: 0.123456789012 })
    langfuse.score.create({ id: 's-yes', ...on, name: 'yes', value: 1, dataType: 'BOOLEAN' })
    langfuse.score.create({ id: 's-label', ...on, name: 'label', value: 'good' })
    langfuse.score.create({ id: 's-text', traceId, name: 'text', value: 'w', dataType: 'TEXT' })
    langfuse.score.create({
      id: 's-session',
      sessionId,
      name: 'session',
      value: 0,
      dataType: 'BOOLEAN',
      comment: 'ü\n"',
      metadata: { by: 'me' },
    })
    await sdk.flush()
    const { data } = await eventually(
      async () => langfuse.api.scores.getMany({ limit: 50 }),
      (answer) => answer.data.length === 5,
    )
    const v2 = byName(data)
    const ofTrace = { traceId, observationId: null, sessionId: null }
    const number = { dataType: 'NUMERIC', value: 0.123456789012 }
    expect(v2.get('number')).toMatchObject({ id: 's-number', ...ofTrace, ...number })
    const yes = { dataType: 'BOOLEAN', value: 1, stringValue: 'True' }
    expect(v2.get('yes')).toMatchObject({ id: 's-yes', ...on, ...yes })
    const label = { dataType: 'CATEGORICAL', stringValue: 'good' }
    expect(v2.get('label')).toMatchObject({ id: 's-label', ...on, ...label })
    expect(v2.get('text')).toMatchObject({ ...ofTrace, dataType: 'TEXT', stringValue: 'w' })
    expect(v2.get('session')).toMatchObject({
      id: 's-session',
      traceId: null,
      sessionId,
      value: 0,
      stringValue: 'False',
      comment: 'ü\n"',
      metadata: { by: 'me' },
    })
    const { data: v3 } = await langfuse.api.scoresV3.getManyV3({ fields: 'core,subject' })
    const subject = { kind: 'observation', id: modelId, traceId }
    expect(v3.toSorted((a, b) => (a.id < b.id ? -1 : 1))).toMatchObject([
      { id: 's-label', value: 'good', subject },
      { id: 's-number', value: 0.123456789012, subject: { kind: 'trace', id: traceId } },
      { id: 's-session', value: false, subject: { kind: 'session', id: sessionId } },
      { id: 's-text', value: 'w', subject: { kind: 'trace', id: traceId } },
      { id: 's-yes', value: true, subject },
    ])
    const { scores } = await langfuse.api.trace.get(traceId)
    expect(scores.map(({ id }) => id).toSorted()).toEqual([
      's-label',
      's-number',
      's-text',
      's-yes',
    ])
    await langfuse.api.legacy.scoreV1.delete('s-text')
    await expect(langfuse.api.scores.getById('s-text')).rejects.toMatchObject({ statusCode: 404 })
  })

  test('score configs are stored, and a score that violates one is refused', async () => {
    const { api } = sdk.langfuse
    const number = await api.scoreConfigs.create({
      name: 'quality',
      dataType: 'NUMERIC',
      minValue: 0,
      maxValue: 1,
      description: 'how good',
    })
    const categories = [
      { label: 'bad', value: 0 },
      { label: 'good', value: 1 },
    ]
    const label = await api.scoreConfigs.create({
      name: 'mood',
      dataType: 'CATEGORICAL',
      categories,
    })
    const yes = await api.scoreConfigs.create({ name: 'sure', dataType: 'BOOLEAN' })
    expect(await api.scoreConfigs.getById(number.id)).toMatchObject({
      name: 'quality',
      dataType: 'NUMERIC',
      minValue: 0,
      maxValue: 1,
      description: 'how good',
      isArchived: false,
    })
    expect(label.categories).toEqual(categories)
    const { data } = await api.scoreConfigs.get()
    expect(data.map(({ id }) => id).toSorted()).toEqual([number.id, label.id, yes.id].toSorted())
    const { id } = await api.scores.create({
      traceId,
      name: 'the name is taken from the config',
      value: 'good',
      configId: label.id,
    })
    const stored = await eventually(
      async () => api.scores.getMany({ configId: label.id }),
      (answer) => answer.data.length === 1,
    )
    const mood = { id, name: 'mood', dataType: 'CATEGORICAL', stringValue: 'good', value: 1 }
    expect(stored.data[0]).toMatchObject({ ...mood, configId: label.id })
    for (const wrong of [
      { name: 'quality', value: 1.5, configId: number.id },
      { name: 'mood', value: 'fine', configId: label.id },
      { name: 'sure', value: 2, configId: yes.id },
    ]) {
      await expect(api.scores.create({ traceId, ...wrong })).rejects.toMatchObject({
        statusCode: 400,
      })
    }
    await api.scoreConfigs.update(number.id, { isArchived: true })
    await expect(
      api.scores.create({ traceId, name: 'quality', value: 0.5, configId: number.id }),
    ).rejects.toMatchObject({ statusCode: 400 })
  })

  test('a deleted trace is gone with its observations and scores', async () => {
    const { api } = sdk.langfuse
    await api.trace.delete(traceId)
    await expect(api.trace.get(traceId)).rejects.toMatchObject({ statusCode: 404 })
    expect((await api.observations.getMany({ traceId })).data).toEqual([])
    expect((await api.scores.getMany({ traceId })).data).toEqual([])
    expect((await api.trace.list()).data).toEqual([])
  })

  test('the server logged no warning or error', () => {
    expect(server.log()).not.toMatch(/"level":"?(?:error|50)/)
  })
})
