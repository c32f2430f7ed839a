import { randomUUID } from 'node:crypto'
import { encode, multipartType, type GivenPart } from './multipart.ts'
import { seededRunTime, type SeededTenant } from './seeded-tenant.ts'

/** One real request to a route. The tenant whose ids it holds gets 2xx. */
export interface RouteRequest {
  /** Path parameters that differ from those of `theirs`. */
  path?: Record<string, string>
  query?: Record<string, string | string[]>
  /** A JSON body. */
  body?: unknown
  /** A body of any other type. */
  form?: { type: string; payload: Buffer }
  /** The status for a tenant other than `theirs`. */
  foreign: number
  /** Set for a POST that only reads: a key that may only read may send it. */
  isRead?: true
  /** Set for a GET that only keys that may write may send. */
  isWrite?: true
  /** Set for what only a key of the scope `admin` may send. */
  isAdmin?: true
}

/**
 * @param theirs the tenant whose things the request is about
 * @param own the sender's own tenant, whose things are mixed in
 */
type Requests = (theirs: SeededTenant, own: SeededTenant) => RouteRequest | RouteRequest[]

/** Routes that ask for no key, and what protects them instead. */
export const publicRoutes: Readonly<Record<string, string>> = {
  'GET /livez': 'for whoever keeps the server up: it knows no tenant',
  'GET /readyz': 'the same',
  'GET /metrics': 'the same',
  'GET /info': 'capabilities of the server, which SDKs read before they have a key',
  'GET /info/health': 'the same',
  'GET /api/public/health': 'the same',
  'GET /api/runmill/blobs/{tenantId}/{blobId}': 'the signature of the link',
  'HEAD /api/runmill/blobs/{tenantId}/{blobId}': 'the signature of the link',
  'PUT /api/public/media/{mediaId}/content': 'the signature of the link',
  'GET /public/{share_token}/datasets': 'the token of a share',
  'GET /public/{share_token}/examples': 'the token of a share',
  'GET /public/{share_token}/examples/count': 'the token of a share',
  'GET /public/{share_token}/datasets/sessions': 'the token of a share',
  'GET /public/{share_token}/run': 'the token of a share',
  'GET /public/{share_token}/runs': 'the token of a share',
  'POST /public/{share_token}/runs/query': 'the token of a share',
  'GET /v2/public/{share_token}/run/{run_id}': 'the token of a share',
  'POST /v2/public/{share_token}/runs/query': 'the token of a share',
  'GET /feedback/tokens/{token}': 'the token of a feedback link',
  'POST /feedback/tokens/{token}': 'the token of a feedback link',
}

/** Returns the value of a path parameter: an id of the tenant. */
export function pathParameter(route: string, name: string, of: SeededTenant): string {
  const value = {
    id: /\/(?:sessions|experiments)\//.test(route)
      ? of.sessionId
      : /\/datasets\//.test(route)
        ? of.datasetId
        : of.exampleId,
    name: of.datasetName,
    runName: of.sessionName,
    dataset_id: of.datasetId,
    example_id: of.exampleId,
    experiment: of.sessionId,
    comparative_experiment_id: of.comparativeId,
    run_id: of.runId,
    trace_id: of.runId,
    feedback_id: of.feedbackId,
    traceId: of.traceId,
    observationId: of.observationId,
    sessionId: of.threadId,
    thread_id: of.threadId,
    scoreId: of.scoreId,
    configId: of.scoreConfigId,
    mediaId: of.mediaId,
    modelId: of.modelPriceId,
    letter_id: of.deadLetterId,
    price_id: of.modelPriceId2,
    token: of.feedbackToken,
    share_token: /run/.test(route) ? of.runShareToken : of.datasetShareToken,
  }[name]
  if (value === undefined) throw new Error(`No value for {${name}} of ${route}`)
  return value
}

const form = (...parts: GivenPart[]): { type: string; payload: Buffer } => ({
  type: multipartType,
  payload: encode(parts),
})

const csv: GivenPart[] = [
  { name: 'file', value: 'q,a\r\n1,2\r\n', type: 'text/csv' },
  { name: 'input_keys', value: 'q' },
]

const runBody = (theirs: SeededTenant, more: object = {}): object => ({
  id: randomUUID(),
  name: 'run',
  run_type: 'chain',
  start_time: seededRunTime,
  session_id: theirs.sessionId,
  ...more,
})

const otlp = (theirs: SeededTenant): object => ({
  resourceSpans: [
    {
      scopeSpans: [
        {
          spans: [
            {
              traceId: theirs.traceId,
              spanId: '00f067aa0ba902b7',
              parentSpanId: theirs.observationId.replaceAll('-', '').slice(0, 16),
              name: 'span',
              startTimeUnixNano: '1768989600000000000',
              endTimeUnixNano: '1768989601000000000',
              attributes: [],
            },
          ],
        },
      ],
    },
  ],
})

const upload = (datasetId: string, name: string): object => ({
  experiment_name: name,
  dataset_id: datasetId,
  experiment_start_time: seededRunTime,
  experiment_end_time: seededRunTime,
  results: [],
})

const since = { fromStartTime: '2020-01-01T00:00:00Z' }

const media = (more: object): object => ({
  field: 'input',
  contentType: 'text/plain',
  contentLength: 1,
  sha256Hash: Buffer.alloc(32, 7).toString('base64'),
  ...more,
})

/**
 * Requests by method and path, named as in the API documentation. They are in an order in which one tenant can send
 * them all: deletes come last.
 */
export const routeRequests: Readonly<Record<string, Requests>> = {
  // Langfuse
  'GET /api/public/projects': () => ({ foreign: 200 }),
  'POST /api/public/v2/datasets': (theirs) => ({
    // Names are unique per tenant, so this makes a dataset of the sender.
    body: { name: theirs.datasetName },
    foreign: 200,
  }),
  'GET /api/public/v2/datasets': () => ({ foreign: 200 }),
  'GET /api/public/v2/datasets/{name}': () => ({ foreign: 404 }),
  'POST /api/public/datasets': (theirs) => ({
    body: { name: `${theirs.datasetName} 2` },
    foreign: 200,
  }),
  'GET /api/public/datasets': () => ({ foreign: 200 }),
  'GET /api/public/datasets/{name}': () => ({ foreign: 404 }),
  'POST /api/public/dataset-items': (theirs, own) => [
    { body: { datasetName: theirs.datasetName, input: 'x' }, foreign: 404 },
    {
      // Ids are unique per tenant, so this makes a row of the sender.
      body: {
        datasetName: own.datasetName,
        id: theirs.exampleId,
        input: 'x',
        sourceTraceId: theirs.traceId,
        sourceObservationId: theirs.observationId,
      },
      foreign: 200,
    },
    {
      body: {
        datasetName: own.datasetName,
        input: `@@@langfuseMedia:type=text/plain|id=${theirs.mediaId}|source=bytes@@@`,
      },
      foreign: 400,
    },
  ],
  'GET /api/public/dataset-items': (theirs) => [
    { foreign: 200 },
    { query: { datasetName: theirs.datasetName }, foreign: 404 },
    { query: { sourceTraceId: theirs.traceId }, foreign: 200 },
  ],
  'GET /api/public/dataset-items/{id}': (theirs) => ({
    path: { id: theirs.exampleId2 },
    foreign: 404,
  }),
  'POST /api/public/dataset-run-items': (theirs, own) => [
    {
      body: {
        runName: theirs.sessionName,
        datasetItemId: theirs.exampleId2,
        traceId: theirs.traceId,
      },
      foreign: 404,
    },
    {
      // A trace may be linked before it arrives.
      body: {
        runName: own.sessionName,
        datasetItemId: own.exampleId2,
        traceId: theirs.traceId,
        observationId: theirs.observationId,
      },
      foreign: 200,
    },
  ],
  'GET /api/public/dataset-run-items': (theirs, own) => [
    { query: { datasetId: theirs.datasetId, runName: theirs.sessionName }, foreign: 404 },
    { query: { datasetId: own.datasetId, runName: own.sessionName }, foreign: 200 },
  ],
  'GET /api/public/datasets/{name}/runs': () => ({ foreign: 404 }),
  'GET /api/public/datasets/{name}/runs/{runName}': (theirs) => [
    { foreign: 404 },
    { path: { runName: theirs.sessionName }, foreign: 404 },
  ],
  'POST /api/public/ingestion': (theirs) => ({
    body: {
      batch: [
        ['trace-create', { id: theirs.traceId, name: 'taken over' }],
        ['generation-update', { id: theirs.observationId, traceId: theirs.traceId, output: 'x' }],
        ['score-create', { id: theirs.scoreId, traceId: theirs.traceId, name: 'n', value: 1 }],
      ].map(([type, body]) => ({ id: randomUUID(), type, timestamp: seededRunTime, body })),
    },
    foreign: 207,
  }),
  'POST /api/public/scores': (theirs) => [
    {
      body: {
        id: theirs.scoreId,
        traceId: theirs.traceId,
        observationId: theirs.observationId,
        name: 'n',
        value: 1,
      },
      foreign: 200,
    },
    {
      body: {
        traceId: theirs.traceId,
        name: `${theirs.mark}-config`,
        value: 1,
        configId: theirs.scoreConfigId,
      },
      foreign: 400,
    },
    { body: { datasetRunId: theirs.sessionId, name: 'n', value: 1 }, foreign: 200 },
    {
      body: [
        { traceId: theirs.traceId, name: 'n', value: 1 },
        { traceId: theirs.traceId, name: 'n', value: 1, configId: theirs.scoreConfigId },
      ],
      foreign: 207,
    },
  ],
  'GET /api/public/scores': (theirs) => [
    { foreign: 200 },
    { query: { traceId: theirs.traceId }, foreign: 200 },
    { query: { scoreIds: theirs.scoreId }, foreign: 200 },
  ],
  'GET /api/public/scores/{scoreId}': () => ({ foreign: 404 }),
  'GET /api/public/v2/scores': (theirs) => [
    { foreign: 200 },
    { query: { datasetRunId: theirs.sessionId }, foreign: 200 },
  ],
  'GET /api/public/v2/scores/{scoreId}': () => ({ foreign: 404 }),
  'GET /api/public/v3/scores': (theirs) => [
    { query: { fields: 'details,subject,annotation' }, foreign: 200 },
    { query: { experimentId: theirs.sessionId }, foreign: 200 },
  ],
  'POST /api/public/score-configs': (theirs) => ({
    body: { name: `${theirs.mark} new`, dataType: 'NUMERIC' },
    foreign: 200,
  }),
  'GET /api/public/score-configs': () => ({ foreign: 200 }),
  'GET /api/public/score-configs/{configId}': () => ({ foreign: 404 }),
  'PATCH /api/public/score-configs/{configId}': () => ({
    body: { description: 'x' },
    foreign: 404,
  }),
  'POST /api/public/models': (theirs) => ({
    // Names are unique per tenant, so this makes a price of the sender.
    body: { modelName: `${theirs.mark} new`, matchPattern: 'x', unit: 'TOKENS', inputPrice: 1 },
    foreign: 200,
  }),
  'GET /api/public/models': () => ({ query: { limit: '100' }, foreign: 200 }),
  'GET /api/public/models/{modelId}': () => ({ foreign: 404 }),
  'GET /api/public/experiments': (theirs) => [
    { query: since, foreign: 200 },
    {
      query: { ...since, id: theirs.sessionId, fields: 'core,metadata,scores,metrics' },
      foreign: 200,
    },
    { query: { ...since, datasetId: theirs.datasetId }, foreign: 200 },
  ],
  'GET /api/public/experiment-items': (theirs) => [
    { query: since, foreign: 200 },
    {
      query: { ...since, experimentId: theirs.sessionId, fields: 'core,io,metadata' },
      foreign: 200,
    },
  ],
  'POST /api/public/media': (theirs) => [
    // Media may be announced for a trace that has not arrived.
    { body: media({ traceId: theirs.traceId }), foreign: 201 },
    {
      body: media({ datasetId: theirs.datasetId, datasetItemId: theirs.exampleId }),
      foreign: 404,
    },
  ],
  'GET /api/public/media/{mediaId}': () => ({ foreign: 404 }),
  'PATCH /api/public/media/{mediaId}': () => ({
    body: { uploadedAt: seededRunTime, uploadHttpStatus: 200 },
    foreign: 404,
  }),
  'GET /api/public/traces': (theirs) => [
    { foreign: 200 },
    {
      query: { sessionId: theirs.threadId, fields: 'core,io,scores,observations,metrics' },
      foreign: 200,
    },
  ],
  'POST /api/public/traces': (theirs) => ({
    body: { id: theirs.traceId, name: 'x', sessionId: theirs.threadId },
    foreign: 200,
  }),
  'GET /api/public/traces/{traceId}': (theirs) => [
    // The sender has no trace of this id yet.
    { path: { traceId: theirs.runId }, foreign: 404 },
  ],
  'GET /api/public/observations': (theirs) => [
    { foreign: 200 },
    { query: { traceId: theirs.traceId }, foreign: 200 },
  ],
  'GET /api/public/observations/{observationId}': (theirs) => ({
    path: { observationId: theirs.childId },
    foreign: 404,
  }),
  'GET /api/public/v2/observations': (theirs) => [
    { query: { fields: 'core,basic,io,metadata,model,usage' }, foreign: 200 },
    { query: { traceId: theirs.runId, fields: 'core,io' }, foreign: 200 },
  ],
  'GET /api/public/sessions': () => ({ foreign: 200 }),
  'GET /api/public/sessions/{sessionId}': () => ({ foreign: 404 }),
  'POST /api/public/otel/v1/traces': (theirs) => ({ body: otlp(theirs), foreign: 200 }),
  'POST /v1/traces': (theirs) => ({ body: otlp(theirs), foreign: 200 }),
  'POST /otel/v1/traces': (theirs) => ({ body: otlp(theirs), foreign: 200 }),
  'POST /otel': (theirs) => ({ body: otlp(theirs), foreign: 200 }),
  ...Object.fromEntries(
    ['/v1', '/otel/v1', '/api/public/otel/v1'].flatMap((base) =>
      ['metrics', 'logs'].map((signal) => [
        `POST ${base}/${signal}`,
        (): RouteRequest => ({ body: {}, foreign: 200 }),
      ]),
    ),
  ),

  // LangSmith
  'POST /sessions': (theirs) => [
    { body: { name: `${theirs.mark} new`, reference_dataset_id: theirs.datasetId }, foreign: 404 },
    {
      // Names and ids are unique per tenant.
      body: { name: theirs.sessionName, id: theirs.sessionId },
      query: { upsert: 'true' },
      foreign: 200,
    },
  ],
  'GET /sessions': (theirs) => [
    { foreign: 200 },
    { query: { id: theirs.sessionId, include_stats: 'true' }, foreign: 200 },
    { query: { name: theirs.sessionName }, foreign: 200 },
    { query: { reference_dataset: theirs.datasetId }, foreign: 200 },
  ],
  'GET /sessions/{id}': (theirs) => ({ path: { id: theirs.sessionId2 }, foreign: 404 }),
  'PATCH /sessions/{id}': (theirs) => ({
    path: { id: theirs.sessionId2 },
    body: { description: 'x' },
    foreign: 404,
  }),
  'GET /sessions/{id}/metadata': (theirs) => ({ path: { id: theirs.sessionId2 }, foreign: 404 }),
  'GET /v2/datasets': () => ({ foreign: 200 }),
  'POST /datasets': (theirs) => ({ body: { name: `${theirs.mark} another` }, foreign: 200 }),
  'GET /datasets': (theirs) => [
    { foreign: 200 },
    { query: { id: theirs.datasetId }, foreign: 200 },
    { query: { name: theirs.datasetName }, foreign: 200 },
  ],
  'GET /datasets/{id}': () => ({ foreign: 404 }),
  'PATCH /datasets/{id}': (theirs, own) => [
    { body: { description: 'x' }, foreign: 404 },
    {
      path: { id: own.datasetId },
      body: { baseline_experiment_id: theirs.sessionId2 },
      foreign: 200,
    },
    {
      path: { id: own.datasetId },
      body: { patch_examples: { [theirs.exampleId2]: { metadata: {} } } },
      foreign: 404,
    },
  ],
  'GET /datasets/{id}/versions': (theirs) => [
    { foreign: 404 },
    { query: { example: theirs.exampleId }, foreign: 404 },
  ],
  'GET /datasets/{id}/version': (theirs) => ({
    query: { tag: `${theirs.mark}-tag` },
    foreign: 404,
  }),
  'GET /datasets/{id}/versions/diff': ({ versions }) => ({
    query: { from_version: versions[0], to_version: versions[1] },
    foreign: 404,
  }),
  'PUT /datasets/{id}/tags': ({ versions }) => ({
    body: { tag: 'x', as_of: versions[0] },
    foreign: 404,
  }),
  'GET /datasets/{id}/splits': () => ({ foreign: 404 }),
  'PUT /datasets/{id}/splits': (theirs, own) => [
    { body: { split_name: 'x', examples: [theirs.exampleId2] }, foreign: 404 },
    {
      path: { id: own.datasetId },
      body: { split_name: 'x', examples: [theirs.exampleId2] },
      foreign: 404,
    },
  ],
  'POST /datasets/clone': (theirs, own) => [
    {
      body: { source_dataset_id: theirs.datasetId, target_dataset_id: own.datasetId },
      foreign: 404,
    },
    {
      body: { source_dataset_id: own.datasetId, target_dataset_id: theirs.datasetId },
      foreign: 404,
    },
    {
      body: {
        source_dataset_id: own.datasetId,
        target_dataset_id: own.datasetId,
        examples: [theirs.exampleId2],
      },
      foreign: 200,
    },
  ],
  'GET /datasets/{id}/share': () => ({ foreign: 404 }),
  'PUT /datasets/{id}/share': () => ({ foreign: 404 }),
  'GET /datasets/{id}/csv': () => ({ foreign: 404 }),
  'GET /datasets/{id}/jsonl': () => ({ foreign: 404 }),
  'GET /datasets/{id}/openai': () => ({ foreign: 404 }),
  'GET /datasets/{id}/openai_ft': () => ({ foreign: 404 }),
  'POST /datasets/upload': (theirs) => ({
    form: form(...csv, { name: 'name', value: `${theirs.mark} uploaded` }),
    foreign: 200,
  }),
  'POST /examples/upload/{dataset_id}': () => ({ form: form(...csv), foreign: 404 }),
  'POST /examples/validate': (theirs) => ({
    body: { dataset_id: theirs.datasetId, inputs: {} },
    foreign: 404,
    isRead: true,
  }),
  'POST /examples/validate/bulk': (theirs) => ({
    body: [{ dataset_id: theirs.datasetId, inputs: {} }],
    foreign: 404,
    isRead: true,
  }),
  'POST /examples': (theirs, own) => [
    { body: { dataset_id: theirs.datasetId, inputs: {} }, foreign: 404 },
    {
      body: {
        dataset_id: own.datasetId,
        inputs: {},
        source_run_id: theirs.runId,
        use_source_run_io: true,
      },
      foreign: 404,
    },
    {
      body: {
        dataset_id: own.datasetId,
        inputs: {},
        source_run_id: theirs.runId,
        use_source_run_attachments: ['file'],
      },
      foreign: 404,
    },
  ],
  'POST /examples/bulk': (theirs, own) => [
    { body: [{ dataset_id: theirs.datasetId, inputs: {} }], foreign: 404 },
    {
      body: [
        {
          dataset_id: own.datasetId,
          inputs: {},
          source_run_id: theirs.runId,
          use_source_run_io: true,
        },
      ],
      foreign: 404,
    },
  ],
  'PATCH /examples/bulk': (theirs, own) => [
    { body: [{ id: theirs.exampleId2, metadata: {} }], foreign: 404 },
    {
      body: [{ id: theirs.exampleId2, dataset_id: own.datasetId, metadata: {} }],
      foreign: 404,
    },
  ],
  'GET /examples': (theirs, own) => [
    { foreign: 200 },
    { query: { dataset: theirs.datasetId }, foreign: 200 },
    { query: { id: theirs.exampleId }, foreign: 200 },
    { query: { dataset: own.datasetId, id: theirs.exampleId }, foreign: 200 },
  ],
  'GET /examples/count': (theirs) => [
    { query: { dataset: theirs.datasetId }, foreign: 200 },
    { query: { id: theirs.exampleId2 }, foreign: 200 },
  ],
  'GET /examples/{id}': (theirs) => ({ path: { id: theirs.exampleId2 }, foreign: 404 }),
  'PATCH /examples/{id}': (theirs, own) => [
    { path: { id: theirs.exampleId2 }, body: { outputs: { a: 1 } }, foreign: 404 },
    {
      path: { id: theirs.exampleId2 },
      body: { dataset_id: own.datasetId, outputs: { a: 1 } },
      foreign: 404,
    },
  ],
  'POST /platform/datasets/{dataset_id}/examples': (_, own) => {
    const id = randomUUID()
    return [
      {
        form: form({ name: id, value: '{}' }, { name: `${id}.inputs`, value: '{}' }),
        foreign: 404,
      },
      {
        path: { dataset_id: own.datasetId },
        form: form({ name: randomUUID(), value: '{}' }),
        foreign: 201,
      },
    ]
  },
  'PATCH /platform/datasets/{dataset_id}/examples': (theirs, own) => [
    { form: form({ name: theirs.exampleId2, value: '{"metadata":{}}' }), foreign: 404 },
    {
      path: { dataset_id: own.datasetId },
      form: form({ name: theirs.exampleId2, value: '{"metadata":{}}' }),
      foreign: 404,
    },
  ],
  'POST /datasets/comparative': (theirs, own) => [
    {
      body: {
        experiment_ids: [theirs.sessionId, theirs.sessionId2],
        reference_dataset_id: theirs.datasetId,
      },
      foreign: 404,
    },
    {
      body: { experiment_ids: [own.sessionId, theirs.sessionId2] },
      foreign: 404,
    },
  ],
  'GET /datasets/{dataset_id}/comparative': () => ({ foreign: 404 }),
  'POST /datasets/{dataset_id}/group/runs': (theirs, own) => {
    const body = {
      session_ids: [theirs.sessionId, theirs.sessionId2],
      group_by: 'run_metadata',
      metadata_key: 'note',
    }
    return [
      { body, foreign: 404, isRead: true },
      { path: { dataset_id: own.datasetId }, body, foreign: 200, isRead: true },
    ]
  },
  'GET /api/runmill/datasets': () => ({ foreign: 200 }),
  'GET /api/runmill/datasets/{id}/experiments': () => ({ foreign: 404 }),
  'GET /api/runmill/experiments/{id}/summary': () => ({ foreign: 404 }),
  'GET /api/runmill/experiments/{id}/examples/{example_id}': (_, own) => [
    { foreign: 404 },
    { path: { id: own.sessionId }, foreign: 404 },
    { path: { example_id: own.exampleId }, foreign: 404 },
  ],
  'POST /api/runmill/compare': (theirs, own) => [
    {
      body: { candidates: [theirs.sessionId2], baseline: theirs.sessionId },
      foreign: 404,
      isRead: true,
    },
    {
      body: { candidates: [own.sessionId2], baseline: theirs.sessionId },
      foreign: 404,
      isRead: true,
    },
  ],
  'GET /api/runmill/score-directions': () => ({ foreign: 200 }),
  'PUT /api/runmill/score-directions': (theirs) => ({
    body: { key: theirs.feedbackKey, direction: 'lower' },
    foreign: 200,
  }),
  'GET /api/runmill/experiments/{id}/items': (theirs) => [
    { foreign: 404 },
    { query: { sort: theirs.feedbackKey }, foreign: 404 },
  ],
  'GET /api/runmill/runs': (theirs) => [
    { query: { roots: 'false' }, foreign: 200 },
    { query: { experiment_id: theirs.sessionId }, foreign: 200 },
    { query: { filter: `eq(id, "${theirs.runId}")` }, foreign: 200 },
  ],
  'GET /api/runmill/runs/{run_id}': () => ({ foreign: 404 }),
  'GET /api/runmill/traces/{trace_id}': (theirs) => [
    { foreign: 404 },
    { path: { trace_id: theirs.traceId }, foreign: 404 },
  ],
  'GET /api/runmill/traces/{trace_id}/payload': (theirs) => [
    { foreign: 404 },
    { path: { trace_id: theirs.traceId }, foreign: 404 },
  ],
  'GET /api/runmill/ingestion': () => ({ foreign: 200 }),
  'GET /api/runmill/dead-letters': (theirs) => [
    { query: { reason: theirs.mark }, foreign: 200 },
    { query: { tenant_id: theirs.tenant.id }, foreign: 403 },
  ],
  'GET /api/runmill/dead-letters/reasons': (theirs) => [
    { foreign: 200 },
    { query: { tenant_id: theirs.tenant.id }, foreign: 403 },
  ],
  'GET /api/runmill/dead-letters/{letter_id}': (theirs) => [
    { foreign: 404 },
    { query: { tenant_id: theirs.tenant.id }, foreign: 403 },
  ],
  'POST /api/runmill/dead-letters/replay': (theirs) => [
    { body: { reason: `${theirs.mark} none` }, foreign: 200 },
    { body: { kind: 'trace' }, query: { tenant_id: theirs.tenant.id }, foreign: 403 },
  ],
  'POST /api/runmill/dead-letters/{letter_id}/replay': (theirs) => ({
    path: { letter_id: theirs.deadLetterId2 },
    foreign: 404,
  }),
  'DELETE /api/runmill/dead-letters': (theirs) => [
    { query: { reason: `${theirs.mark} none` }, foreign: 200 },
    { query: { kind: 'trace', tenant_id: theirs.tenant.id }, foreign: 403 },
  ],
  'DELETE /api/runmill/dead-letters/{letter_id}': () => ({ foreign: 404 }),
  'POST /api/runmill/import/datasets': (theirs) => ({
    body: {
      id: theirs.spareDatasetId,
      name: `${theirs.mark} imported`,
      created_at: seededRunTime,
      updated_at: seededRunTime,
    },
    foreign: 200,
    isAdmin: true,
  }),
  'POST /api/runmill/import/examples': (theirs) => ({
    body: {
      dataset_id: theirs.datasetId,
      versions: [{ id: theirs.exampleId, valid_from: seededRunTime, inputs: { q: theirs.mark } }],
    },
    foreign: 404,
    isAdmin: true,
  }),
  'POST /api/runmill/import/experiments': (theirs) => ({
    body: {
      id: theirs.sessionId,
      dataset_id: theirs.datasetId,
      name: theirs.sessionName,
      is_named_in_tenant: true,
      start_time: seededRunTime,
      created_at: seededRunTime,
      updated_at: seededRunTime,
    },
    foreign: 404,
    isAdmin: true,
  }),
  'POST /api/runmill/import/score-configs': (theirs) => ({
    body: {
      id: theirs.scoreConfigId,
      name: theirs.mark,
      data_type: 'NUMERIC',
      is_archived: false,
      created_at: seededRunTime,
      updated_at: seededRunTime,
    },
    foreign: 200,
    isAdmin: true,
  }),
  'POST /api/runmill/import/feedback-configs': (theirs) => ({
    body: {
      key: theirs.feedbackKey,
      config: { type: 'freeform', min: null, max: null, categories: null },
      updated_at: seededRunTime,
    },
    foreign: 204,
    isAdmin: true,
  }),
  'POST /api/runmill/import/run-items': (theirs) => ({
    body: {
      items: [
        {
          id: theirs.mark,
          experiment_id: theirs.sessionId,
          dataset_id: theirs.datasetId,
          example_id: theirs.exampleId,
          trace_id: theirs.traceId,
          example_version: seededRunTime,
          created_at: seededRunTime,
        },
      ],
    },
    foreign: 202,
    isAdmin: true,
  }),
  'POST /api/runmill/import/blobs': (theirs) => ({
    form: { type: 'application/octet-stream', payload: Buffer.from(`${theirs.mark} imported`) },
    foreign: 200,
    isAdmin: true,
  }),
  'GET /api/runmill/experiments/{experiment}/rows': (theirs) => [
    { foreign: 404 },
    { path: { experiment: theirs.sessionName }, foreign: 404 },
  ],
  'POST /datasets/{dataset_id}/runs/delta': (theirs, own) => {
    const body = {
      baseline_session_id: theirs.sessionId,
      comparison_session_ids: [theirs.sessionId2],
      feedback_key: theirs.feedbackKey,
    }
    return [
      { body, foreign: 404, isRead: true },
      { path: { dataset_id: own.datasetId }, body, foreign: 200, isRead: true },
    ]
  },
  'POST /datasets/upload-experiment': (theirs, own) => ({
    body: upload(theirs.datasetId, `${own.mark} uploaded`),
    foreign: 404,
  }),
  'GET /model-price-map': (theirs) => [
    { query: { limit: '50' }, foreign: 200 },
    { query: { q: theirs.mark }, foreign: 200 },
  ],
  'POST /model-price-map': (theirs) => ({
    body: { name: theirs.mark, match_pattern: 'x', prompt_cost: 1, completion_cost: '0.1' },
    foreign: 200,
  }),
  'PUT /model-price-map/{price_id}': () => ({
    body: { name: 'x', match_pattern: 'x', prompt_cost: 1, completion_cost: 1 },
    foreign: 404,
  }),
  'POST /feedback-configs': (theirs) => ({
    body: { feedback_key: `${theirs.mark} new`, feedback_config: { type: 'freeform' } },
    foreign: 200,
  }),
  'GET /feedback-configs': (theirs) => [
    { foreign: 200 },
    { query: { key: theirs.feedbackKey }, foreign: 200 },
  ],
  'PATCH /feedback-configs': (theirs) => ({
    body: { feedback_key: theirs.feedbackKey, is_lower_score_better: true },
    foreign: 404,
  }),
  // A link may be made before its run arrives.
  'POST /feedback/tokens': (theirs) => ({
    body: { run_id: theirs.childId, feedback_key: 'k' },
    foreign: 200,
  }),
  'GET /feedback/tokens': (theirs) => ({
    query: { run_id: theirs.runId },
    foreign: 200,
    isWrite: true,
  }),
  'POST /datasets/{dataset_id}/runs': (theirs, own) => {
    const body = { session_ids: [theirs.sessionId] }
    return [
      { body, foreign: 404, isRead: true },
      { path: { dataset_id: own.datasetId }, body, foreign: 200, isRead: true },
      {
        path: { dataset_id: own.datasetId },
        body: {
          session_ids: [own.sessionId],
          example_ids: [theirs.exampleId],
          comparative_experiment_id: theirs.comparativeId,
        },
        foreign: 200,
        isRead: true,
      },
      { query: { format: 'csv' }, body, foreign: 404, isRead: true },
    ]
  },
  'POST /v2/datasets/{dataset_id}/experiment-runs': (theirs, own) => {
    const body = { experiment_ids: [theirs.sessionId], selects: ['INPUTS', 'OUTPUTS', 'NAME'] }
    return [
      { body, foreign: 404, isRead: true },
      { path: { dataset_id: own.datasetId }, body, foreign: 200, isRead: true },
    ]
  },
  'GET /runs/{run_id}': () => ({ foreign: 404 }),
  'POST /runs/query': (theirs) => [
    { body: { session: [theirs.sessionId] }, foreign: 200, isRead: true },
    { body: { id: [theirs.runId] }, foreign: 200, isRead: true },
    { body: { trace: theirs.runId }, foreign: 200, isRead: true },
    { body: { reference_example: [theirs.exampleId] }, foreign: 200, isRead: true },
  ],
  'POST /runs/stats': (theirs) => ({
    body: { session: [theirs.sessionId] },
    foreign: 200,
    isRead: true,
  }),
  'POST /runs/group': (theirs) => ({
    body: { session_id: theirs.sessionId, group_by: 'conversation' },
    foreign: 200,
    isRead: true,
  }),
  'POST /runs/group/stats': (theirs) => ({
    body: { session_id: theirs.sessionId, group_by: 'conversation' },
    foreign: 200,
    isRead: true,
  }),
  'GET /runs/{run_id}/share': () => ({ foreign: 404 }),
  'PUT /runs/{run_id}/share': () => ({ foreign: 404 }),
  'POST /v2/runs/query': (theirs) => ({
    body: { project_ids: [theirs.sessionId], selects: ['INPUTS', 'NAME'] },
    foreign: 404,
    isRead: true,
  }),
  'GET /v2/runs/{run_id}': (theirs, own) => [
    { query: { project_id: theirs.sessionId, selects: ['INPUTS', 'NAME'] }, foreign: 404 },
    ...(own === theirs ? [] : [{ query: { project_id: own.sessionId }, foreign: 404 }]),
  ],
  'GET /v2/traces/{trace_id}/runs': (theirs) => ({
    query: { project_id: theirs.sessionId, selects: ['INPUTS', 'NAME'] },
    foreign: 404,
  }),
  'GET /v2/runs/{run_id}/url': (theirs, own) => [
    { query: { project_id: theirs.sessionId, trace_id: theirs.runId }, foreign: 404 },
    ...(own === theirs
      ? []
      : [{ query: { project_id: own.sessionId, trace_id: theirs.runId }, foreign: 404 }]),
  ],
  'POST /v2/traces/query': (theirs, own) => [
    {
      body: {
        project_id: theirs.sessionId,
        min_start_time: seededRunTime,
        selects: ['INPUTS', 'NAME', 'TOTAL_COST'],
      },
      foreign: 404,
      isRead: true,
    },
    {
      body: {
        project_id: own.sessionId,
        trace_ids: [theirs.runId],
        min_start_time: seededRunTime,
      },
      foreign: 200,
      isRead: true,
    },
  ],
  'POST /v2/threads/query': (theirs) => ({
    body: { project_id: theirs.sessionId, min_start_time: seededRunTime },
    foreign: 404,
    isRead: true,
  }),
  'POST /v2/threads/stats': (theirs) => ({
    body: {
      project_id: theirs.sessionId,
      select: ['THREAD_COUNT', 'TOTAL_COST'],
      min_start_time: seededRunTime,
    },
    foreign: 404,
    isRead: true,
  }),
  'GET /v2/threads/{thread_id}/traces': (theirs, own) => [
    { query: { project_id: theirs.sessionId, selects: ['INPUTS', 'NAME'] }, foreign: 404 },
    { query: { project_id: own.sessionId, selects: ['INPUTS', 'NAME'] }, foreign: 200 },
  ],
  'GET /v2/threads/{thread_id}/stats': (theirs, own) => [
    { query: { session_id: theirs.sessionId, selects: ['TURNS', 'FEEDBACK_STATS'] }, foreign: 404 },
    { query: { session_id: own.sessionId, selects: ['TURNS', 'FEEDBACK_STATS'] }, foreign: 200 },
  ],
  'POST /v2/runs/{run_id}/share': (theirs, own) => [
    { body: { session_id: theirs.sessionId, trace_id: theirs.runId }, foreign: 404 },
    ...(own === theirs
      ? []
      : [{ body: { session_id: own.sessionId, trace_id: theirs.runId }, foreign: 404 }]),
  ],
  'POST /feedback': (theirs) => [
    // Feedback may come before its run, and ids are unique per tenant.
    {
      body: {
        id: theirs.feedbackId,
        run_id: theirs.runId,
        trace_id: theirs.runId,
        key: theirs.feedbackKey,
        score: 0,
        comparative_experiment_id: theirs.comparativeId,
      },
      foreign: 200,
    },
    { body: { session_id: theirs.sessionId, key: 'k', score: 0 }, foreign: 200 },
  ],
  'POST /feedback/eager': (theirs) => ({
    body: { id: randomUUID(), run_id: theirs.runId, key: 'k', score: 0 },
    foreign: 200,
  }),
  'GET /feedback': (theirs) => [
    { foreign: 200 },
    { query: { run: theirs.runId }, foreign: 200 },
    { query: { session: theirs.sessionId }, foreign: 200 },
    { query: { comparative_experiment_id: theirs.comparativeId }, foreign: 200 },
  ],
  'GET /feedback/{feedback_id}': (theirs) => ({
    path: { feedback_id: theirs.scoreId },
    foreign: 404,
  }),
  'PATCH /feedback/{feedback_id}': (theirs) => ({
    path: { feedback_id: theirs.scoreId },
    body: { comment: 'x' },
    foreign: 404,
  }),
  'POST /runs': (theirs) => [
    { body: runBody(theirs), foreign: 202 },
    {
      body: runBody(theirs, {
        id: theirs.runId,
        parent_run_id: theirs.childId,
        session_id: undefined,
        session_name: theirs.sessionName,
        reference_example_id: theirs.exampleId,
      }),
      foreign: 202,
    },
  ],
  'PATCH /runs/{run_id}': () => ({ body: { outputs: { a: 'taken over' } }, foreign: 202 }),
  'POST /runs/batch': (theirs) => ({
    body: { post: [runBody(theirs)], patch: [{ id: theirs.runId, outputs: { a: 'taken over' } }] },
    foreign: 202,
  }),
  'POST /runs/multipart': (theirs) => ({
    form: form(
      { name: `patch.${theirs.runId}`, value: JSON.stringify({ id: theirs.runId, error: 'x' }) },
      { name: `attachment.${theirs.runId}.file`, value: 'y', type: 'text/plain' },
    ),
    foreign: 202,
  }),

  // Deletes
  'DELETE /feedback/{feedback_id}': () => ({ foreign: 404 }),
  'DELETE /api/public/scores/{scoreId}': () => ({ foreign: 202 }),
  'DELETE /api/public/models/{modelId}': () => ({ foreign: 404 }),
  'DELETE /model-price-map/{price_id}': () => ({ foreign: 404 }),
  'DELETE /feedback-configs': (theirs) => ({
    query: { feedback_key: theirs.feedbackKey },
    foreign: 404,
  }),
  'DELETE /datasets/comparative/{comparative_experiment_id}': () => ({ foreign: 404 }),
  'DELETE /runs/{run_id}/share': () => ({ foreign: 404 }),
  'DELETE /v2/runs/{run_id}/share': (theirs) => ({
    body: { session_id: theirs.sessionId },
    foreign: 404,
  }),
  'DELETE /datasets/{id}/share': () => ({ foreign: 404 }),
  'DELETE /api/public/traces': (theirs) => ({
    body: { traceIds: [theirs.traceId] },
    foreign: 200,
  }),
  'DELETE /api/public/traces/{traceId}': () => ({ foreign: 200 }),
  'POST /runs/delete/traces': (theirs, own) => [
    { body: { session_id: theirs.sessionId, trace_ids: [theirs.runId] }, foreign: 404 },
    { body: { session_id: own.sessionId, trace_ids: [theirs.runId] }, foreign: 200 },
  ],
  'POST /runs/delete': (theirs, own) => [
    { body: { session_id: theirs.sessionId, metadata: { topic: 'rivers' } }, foreign: 404 },
    { body: { session_id: own.sessionId, trace_ids: [theirs.runId] }, foreign: 200 },
  ],
  'DELETE /api/public/dataset-items/{id}': () => ({ foreign: 404 }),
  'DELETE /examples/{id}': (theirs) => ({ path: { id: theirs.exampleId2 }, foreign: 404 }),
  'DELETE /examples': (theirs) => ({ query: { example_ids: theirs.exampleId2 }, foreign: 200 }),
  'POST /platform/datasets/examples/delete': (theirs) => [
    { body: { example_ids: [theirs.exampleId2] }, foreign: 200 },
    { body: { example_ids: [theirs.exampleId2], hard_delete: true }, foreign: 404 },
  ],
  'DELETE /api/public/datasets/{name}/runs/{runName}': () => ({ foreign: 404 }),
  'DELETE /sessions/{id}': (theirs) => ({ path: { id: theirs.sessionId2 }, foreign: 404 }),
  'DELETE /sessions': (theirs) => ({ query: { session_ids: theirs.spareSessionId }, foreign: 200 }),
  'DELETE /datasets/{id}': () => ({ foreign: 404 }),
  'DELETE /datasets': (theirs) => ({ query: { dataset_ids: theirs.spareDatasetId }, foreign: 200 }),
}
