import { createHash, randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import { eventVersion, type IngestEvent } from '../../src/domain/events.ts'
import { deadLetterId, deadLetterInsert } from '../../src/store/write/dead-letters.ts'
import type { Answer, Harness } from './harness.ts'
import { encode, multipartType } from './multipart.ts'
import type { TestTenant } from './tenant.ts'

/** Ids of one tenant's things, as its requests name them. Every text of the tenant begins with `mark`. */
export interface SeededTenant {
  tenant: TestTenant
  mark: string
  datasetId: string
  datasetName: string
  /** Two current examples of the dataset, the first with an attachment. */
  exampleId: string
  exampleId2: string
  /** The dataset's versions before and after the second example. */
  versions: [string, string]
  sessionId: string
  sessionName: string
  sessionId2: string
  /** These hold nothing, and are there to be deleted. */
  spareSessionId: string
  spareDatasetId: string
  /** A root run of the session, with a child and an attachment. Its trace has the same id. */
  runId: string
  childId: string
  feedbackId: string
  feedbackKey: string
  comparativeId: string
  runShareToken: string
  datasetShareToken: string
  feedbackToken: string
  /** Path and query of a signed link. */
  blobLink: string
  traceId: string
  observationId: string
  threadId: string
  scoreId: string
  scoreConfigId: string
  modelPriceId: string
  /** Events that could not be applied: two feedback events, of which the second can be applied now. */
  deadLetterId: string
  deadLetterId2: string
  modelPriceId2: string
  mediaId: string
  /** Path and query that take the bytes of a second, announced media item, and those bytes. */
  uploadLink: string
  uploadBytes: Buffer
}

export const seededRunTime = '2026-01-21T10:00:00.000000Z'

/**
 * Writes something of every kind through both dialects.
 * @param mark letters and digits
 */
export async function seedTenant(
  h: Harness,
  tenant: TestTenant,
  mark: string,
): Promise<SeededTenant> {
  const send = async (
    method: 'GET' | 'POST' | 'PUT',
    url: string,
    body?: unknown,
  ): Promise<Answer['body']> => {
    const answer = await h.callAs(tenant, method, url, body)
    expect(answer.status, `${method} ${url} ${answer.text}`).toBeLessThan(300)
    return answer.body
  }
  const text = (what: string): string => `${mark} ${what}`
  const post = async (url: string, body?: unknown) => send('POST', url, body)

  const datasetName = `${mark}-dataset`
  const dataset = await post('/datasets', {
    name: datasetName,
    description: text('description'),
    extra: { metadata: { note: text('metadata') } },
  })
  const datasetId: string = dataset.id
  const example = {
    dataset_id: datasetId,
    inputs: { q: text('example inputs') },
    outputs: { a: text('example outputs') },
    metadata: { note: text('example metadata'), topic: 'rivers' },
  }
  const exampleId = randomUUID()
  await h.app.inject({
    method: 'POST',
    url: `/platform/datasets/${datasetId}/examples`,
    headers: { 'x-api-key': tenant.secretKey, 'content-type': multipartType },
    payload: encode([
      { name: exampleId, value: JSON.stringify({ metadata: example.metadata }) },
      { name: `${exampleId}.inputs`, value: JSON.stringify(example.inputs) },
      { name: `${exampleId}.outputs`, value: JSON.stringify(example.outputs) },
      { name: `${exampleId}.attachment.file`, value: text('bytes'), type: 'text/plain' },
    ]),
  })
  const first = await send('GET', `/examples/${exampleId}`)
  const blobUrl = new URL(first.attachment_urls['attachment.file'].presigned_url)
  const second = await post('/examples', example)
  await send('PUT', `/datasets/${datasetId}/tags`, {
    as_of: second.modified_at,
    tag: `${mark}-tag`,
  })

  const sessionName = `${mark}-session`
  const session = async (name: string): Promise<string> =>
    (
      await post('/sessions', {
        name,
        reference_dataset_id: datasetId,
        description: text('session description'),
        start_time: seededRunTime,
        extra: { metadata: { note: text('session metadata') } },
      })
    ).id
  const sessionId = await session(sessionName)
  const sessionId2 = await session(`${mark}-second`)
  const spareSessionId = await session(`${mark}-spare`)
  const spare = await post('/datasets', { name: `${mark}-spare` })

  const runId = randomUUID()
  const childId = randomUUID()
  const comparedId = randomUUID()
  const order = `20260121T100000000000Z${runId}`
  const threadId = `${mark}-thread`
  const run = {
    session_id: sessionId,
    trace_id: runId,
    start_time: seededRunTime,
    end_time: '2026-01-21T10:00:01Z',
    name: text('run'),
    inputs: { q: text('inputs') },
    outputs: { a: text('outputs') },
    error: text('error'),
    tags: [text('tag')],
    extra: { metadata: { note: text('run metadata'), session_id: threadId } },
    events: [{ name: text('event') }],
  }
  const parts = [
    {
      ...run,
      id: runId,
      run_type: 'chain',
      dotted_order: order,
      reference_example_id: exampleId,
    },
    {
      ...run,
      id: childId,
      run_type: 'llm',
      parent_run_id: runId,
      dotted_order: `${order}.20260121T100000000000Z${childId}`,
    },
    {
      ...run,
      id: comparedId,
      trace_id: undefined,
      run_type: 'chain',
      session_id: sessionId2,
      reference_example_id: exampleId,
    },
  ].map((one) => ({ name: `post.${one.id}`, value: JSON.stringify(one) }))
  const sent = await h.app.inject({
    method: 'POST',
    url: '/runs/multipart',
    headers: { 'x-api-key': tenant.secretKey, 'content-type': multipartType },
    payload: encode([
      ...parts,
      { name: `attachment.${runId}.file`, value: text('run bytes'), type: 'text/plain' },
    ]),
  })
  expect(sent.statusCode, sent.body).toBe(202)
  await h.drain()

  const comparativeId = randomUUID()
  await post('/datasets/comparative', {
    id: comparativeId,
    name: text('comparison'),
    experiment_ids: [sessionId, sessionId2],
    reference_dataset_id: datasetId,
  })
  const feedbackKey = `${mark}-key`
  const { id: feedbackId } = await post('/feedback', {
    run_id: runId,
    trace_id: runId,
    key: feedbackKey,
    score: 0.5,
    value: text('value'),
    comment: text('comment'),
    correction: { a: text('correction') },
  })
  await post('/feedback', {
    run_id: runId,
    key: feedbackKey,
    score: 1,
    comparative_experiment_id: comparativeId,
    comment: text('preference'),
  })
  await post('/feedback', { run_id: comparedId, key: feedbackKey, score: 1 })
  await post('/feedback-configs', {
    feedback_key: feedbackKey,
    feedback_config: { type: 'continuous', min: 0, max: 1 },
  })
  await send('PUT', '/api/runmill/score-directions', { key: feedbackKey, direction: 'higher' })
  const link = await post('/feedback/tokens', { run_id: runId, feedback_key: feedbackKey })
  const runShare = await send('PUT', `/runs/${runId}/share`)
  const datasetShare = await send('PUT', `/datasets/${datasetId}/share`)

  const traceId = randomUUID().replaceAll('-', '')
  const observationId = randomUUID()
  const payload = {
    input: text('input'),
    output: text('output'),
    metadata: { note: text('note') },
  }
  const batch = [
    ['trace-create', { id: traceId, name: text('trace'), sessionId: threadId, ...payload }],
    [
      'generation-create',
      { id: observationId, traceId, name: text('observation'), model: 'm', ...payload },
    ],
  ].map(([type, body]) => ({ id: randomUUID(), type, timestamp: seededRunTime, body }))
  await post('/api/public/ingestion', { batch })
  await h.drain()
  const config = await post('/api/public/score-configs', {
    name: `${mark}-config`,
    dataType: 'NUMERIC',
    description: text('config description'),
  })
  const modelPrice = await post('/api/public/models', {
    // Before all shipped prices in a list by name.
    modelName: `!${mark} model`,
    matchPattern: text('pattern'),
    unit: 'TOKENS',
    inputPrice: 0.001,
  })
  const modelPrice2 = await post('/model-price-map', {
    name: `!${mark} price`,
    match_pattern: text('pattern'),
    prompt_cost: '0.001',
    completion_cost: '0.002',
  })
  const score = await post('/api/public/scores', {
    name: feedbackKey,
    traceId,
    observationId,
    value: 0.5,
    comment: text('score comment'),
    metadata: { note: text('score metadata') },
  })
  await post('/api/public/dataset-run-items', {
    runName: sessionName,
    datasetItemId: exampleId,
    traceId,
    observationId,
  })

  const media = async (bytes: Buffer): Promise<{ mediaId: string; link: string }> => {
    const { mediaId, uploadUrl } = await post('/api/public/media', {
      traceId,
      field: 'input',
      contentType: 'text/plain',
      contentLength: bytes.length,
      sha256Hash: createHash('sha256').update(bytes).digest('base64'),
    })
    const { pathname, search } = new URL(uploadUrl)
    return { mediaId, link: pathname + search }
  }
  const { mediaId, link: mediaLink } = await media(Buffer.from(text('media')))
  await h.app.inject({
    method: 'PUT',
    url: mediaLink,
    headers: { 'content-type': 'text/plain' },
    payload: text('media'),
  })
  const uploadBytes = Buffer.from(text('media to come'))
  const { link: uploadLink } = await media(uploadBytes)

  const [deadLetterId, deadLetterId2] = [
    await keepEvent(h, tenant.id, runId, text('refused')),
    await keepEvent(h, tenant.id, runId, text('refused too')),
  ]

  await h.drain()
  // Makes the aggregates of every session, so that a later read has nothing to write.
  await send('GET', '/sessions?include_stats=true')
  return {
    tenant,
    mark,
    datasetId,
    datasetName,
    exampleId,
    exampleId2: second.id,
    versions: [first.modified_at, second.modified_at],
    sessionId,
    sessionName,
    sessionId2,
    spareSessionId,
    spareDatasetId: spare.id,
    runId,
    childId,
    feedbackId,
    feedbackKey,
    comparativeId,
    runShareToken: runShare.share_token,
    datasetShareToken: datasetShare.share_token,
    feedbackToken: new URL(link.url).pathname.split('/').at(-1)!,
    blobLink: blobUrl.pathname + blobUrl.search,
    traceId,
    observationId,
    threadId,
    scoreId: score.id,
    scoreConfigId: config.id,
    modelPriceId: modelPrice.id,
    modelPriceId2: modelPrice2.id,
    deadLetterId,
    deadLetterId2,
    mediaId,
    uploadLink,
    uploadBytes,
  }
}

/** Keeps an event as one that the database refused, though it would not refuse it. @returns the id of the dead letter */
export async function keepEvent(
  h: Harness,
  tenantId: string,
  runId: string,
  reason: string,
): Promise<string> {
  const event: IngestEvent = {
    kind: 'feedback',
    id: randomUUID(),
    externalId: null,
    version: eventVersion('create', seededRunTime, reason),
    patch: { runId, key: 'kept', score: '1', scoreNumber: 1, comment: reason },
  }
  const batchId = randomUUID()
  const now = h.clock.now()
  await deadLetterInsert(h.db, { tenantId, batchId, event, reason, receivedAt: now, now })
  return deadLetterId(batchId, event)
}
