import { Langfuse } from 'langfuse'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testsRunOnRedis } from '../../../support/redis.ts'
import { startServer, type RunningServer } from '../../langsmith/server.ts'
import { byName, eventually } from './sums.ts'

/** The npm package `langfuse` 3, which writes by POST /api/public/ingestion, unmodified, against the real process. */

const queues = testsRunOnRedis() ? (['postgres', 'redis'] as const) : (['postgres'] as const)

const datasetName = 'evals/legacy 100%'

describe.each(queues)('langfuse 3 on npm, queue in %s', (queue) => {
  let server: RunningServer
  let langfuse: Langfuse
  const ids = { trace: 'trace 1', span: '', generation: '', event: '' }

  beforeAll(async () => {
    server = await startServer(queue)
    const { publicKey, secretKey } = server.tenant
    langfuse = new Langfuse({ baseUrl: server.url, publicKey, secretKey })
    await langfuse.createDataset({ name: datasetName, description: 'old', metadata: { a: 1 } })
    for (const q of [1, 2]) {
      const id = `legacy-${q}`
      const expectedOutput = { a: q * 2 }
      await langfuse.createDatasetItem({ datasetName, id, input: { q }, expectedOutput })
    }
    const trace = langfuse.trace({
      id: ids.trace,
      name: 'chat',
      userId: 'user-1',
      sessionId: 's-1',
      tags: ['a'],
      metadata: { plan: { free: true } },
      version: 'v1',
      release: 'r1',
      input: { q: 1 },
    })
    const span = trace.span({ name: 'retrieve', input: 'find', metadata: { k: 1 } })
    const generation = span.generation({
      name: 'model',
      model: 'm-1',
      modelParameters: { temperature: 0 },
      input: [{ role: 'user', content: '1' }],
    })
    generation.end({
      output: { content: '2' },
      usageDetails: { input: 3, output: 2, total: 5 },
      costDetails: { input: 0.000001, output: 0.000002, total: 0.000003 },
    })
    const event = span.event({ name: 'seen', level: 'WARNING', statusMessage: 'careful' })
    span.end({ output: 'found' })
    trace.update({ output: { a: 2 }, metadata: { late: 1 } })
    trace.score({ id: 'legacy-number', name: 'correct', value: 1, comment: 'right' })
    generation.score({ id: 'legacy-label', name: 'verdict', value: 'SHORT' })
    langfuse.score({ traceId: ids.trace, name: 'yes', value: 1, dataType: 'BOOLEAN' })
    Object.assign(ids, { span: span.id, generation: generation.id, event: event.id })
    const { items } = await langfuse.getDataset(datasetName)
    const first = items.find(({ id }) => id === 'legacy-1')!
    const second = items.find(({ id }) => id === 'legacy-2')!
    await first.link(trace, 'run 1', { description: 'by hand', metadata: { m: 1 } })
    await second.link(generation, 'run 1')
    await langfuse.flushAsync()
    await eventually(
      async () => langfuse.api.traceGet(ids.trace),
      ({ observations, scores, output }) =>
        observations.length === 3 && scores.length === 3 && output !== null,
    )
  })

  afterAll(async () => {
    await langfuse.shutdownAsync()
    await server.stop()
  })

  test('the trace combines its events', async () => {
    const { data } = await langfuse.fetchTrace(ids.trace)
    expect(data).toMatchObject({
      id: ids.trace,
      name: 'chat',
      userId: 'user-1',
      sessionId: 's-1',
      tags: ['a'],
      metadata: { plan: { free: true }, late: 1 },
      version: 'v1',
      release: 'r1',
      input: { q: 1 },
      output: { a: 2 },
      totalCost: 0.000003,
    })
    const observations = byName(data.observations)
    expect(observations.get('retrieve')).toMatchObject({
      id: ids.span,
      type: 'SPAN',
      parentObservationId: null,
      input: 'find',
      output: 'found',
      metadata: { k: 1 },
    })
    expect(observations.get('model')).toMatchObject({
      id: ids.generation,
      type: 'GENERATION',
      parentObservationId: ids.span,
      model: 'm-1',
      modelParameters: { temperature: 0 },
      input: [{ role: 'user', content: '1' }],
      output: { content: '2' },
      usageDetails: { input: 3, output: 2, total: 5 },
      costDetails: { input: 0.000001, output: 0.000002, total: 0.000003 },
      usage: { input: 3, output: 2, total: 5 },
      calculatedTotalCost: 0.000003,
    })
    expect(observations.get('seen')).toMatchObject({
      id: ids.event,
      type: 'EVENT',
      parentObservationId: ids.span,
      level: 'WARNING',
      statusMessage: 'careful',
    })
    const scores = byName(data.scores)
    expect(scores.get('correct')).toMatchObject({
      id: 'legacy-number',
      value: 1,
      dataType: 'NUMERIC',
      comment: 'right',
      traceId: ids.trace,
    })
    expect(scores.get('verdict')).toMatchObject({
      id: 'legacy-label',
      stringValue: 'SHORT',
      dataType: 'CATEGORICAL',
      observationId: ids.generation,
    })
    expect(scores.get('yes')).toMatchObject({ value: 1, stringValue: 'True', dataType: 'BOOLEAN' })
  })

  test('fetchTraces, fetchObservation, fetchObservations and fetchSessions find them', async () => {
    const { data: traces, meta } = await langfuse.fetchTraces({ userId: 'user-1', tags: ['a'] })
    expect(traces.map(({ id }) => id)).toEqual([ids.trace])
    expect(meta).toMatchObject({ totalItems: 1, totalPages: 1 })
    expect((await langfuse.fetchTraces({ userId: 'user-2' })).data).toEqual([])
    const { data: generation } = await langfuse.fetchObservation(ids.generation)
    expect(generation).toMatchObject({ id: ids.generation, traceId: ids.trace, totalTokens: 5 })
    const { data } = await langfuse.fetchObservations({ traceId: ids.trace, type: 'EVENT' })
    expect(data.map(({ id }) => id)).toEqual([ids.event])
    const { data: sessions } = await langfuse.fetchSessions()
    expect(sessions.map(({ id }) => id)).toEqual(['s-1'])
  })

  test('linked traces and observations make a run', async () => {
    const { data: runs } = await langfuse.getDatasetRuns(datasetName)
    expect(runs).toMatchObject([{ name: 'run 1', description: 'by hand', metadata: { m: 1 } }])
    const run = await langfuse.getDatasetRun({ datasetName, runName: 'run 1' })
    expect(run).toMatchObject({ id: runs[0]!.id, name: 'run 1', datasetName })
    const links = new Map(run.datasetRunItems.map((item) => [item.datasetItemId, item]))
    expect(links.get('legacy-1')).toMatchObject({ traceId: ids.trace, observationId: null })
    expect(links.get('legacy-2')).toMatchObject({
      traceId: ids.trace,
      observationId: ids.generation,
    })
    const item = await langfuse.getDatasetItem('legacy-1')
    expect(item).toMatchObject({ input: { q: 1 }, expectedOutput: { a: 2 }, datasetName })
  })

  test('the server logged no warning or error', () => {
    expect(server.log()).not.toMatch(/"level":"?(?:error|50)/)
  })
})
