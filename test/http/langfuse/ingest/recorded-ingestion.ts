/* Batches as SDKs sent them (contracts/langfuse.md 6). */

const traceId = 'c2eabb7b-39b7-4b26-b9d6-7901b0782795'
const spanId = '3cda5836-4a0b-4289-a47a-60ac09826924'
const generationId = 'c0dfd0b4-bbd6-4a4f-9234-0e7ba5402e79'
const started = '2026-11-21T20:39:53.984Z'
const sent = '2026-11-21T20:39:53.985Z'

function event(id: string, type: string, body: object) {
  return { id, type, timestamp: sent, body }
}

/** npm `langfuse` 3.39.2: updates come before creates, and all have the same millisecond. */
export const recordedBatch = [
  event('5dc2b9b7-76dd-4c71-a8be-34cf9245e5bc', 'event-create', {
    id: '5554c723-7469-4a41-923f-06a1f7c6c5ee',
    startTime: started,
    name: 'ev',
    level: 'WARNING',
    traceId,
    parentObservationId: spanId,
  }),
  event('cc056a22-f094-42a3-80b0-6b318e5d5dd4', 'score-create', {
    id: 'd59a9e33-b0cd-4f68-9171-20632acfdfd1',
    name: 'ts',
    value: 1,
    traceId,
    observationId: null,
  }),
  event('de590a21-48de-48f8-a7d9-5b538fd8d8e5', 'score-create', {
    id: '291ef7c9-2218-4c47-ab47-2ea25902030a',
    name: 'gs',
    value: 'good',
    dataType: 'CATEGORICAL',
    traceId,
    observationId: generationId,
  }),
  event('cf8ae5e2-23e8-43bb-9cf2-ec6de6e6ddf7', 'score-create', {
    id: 'sc-1',
    traceId,
    name: 'b',
    value: 1,
    dataType: 'BOOLEAN',
    comment: 'c',
  }),
  event('7401aefa-3e13-4f90-8f5f-2daf117ef6de', 'generation-update', {
    output: 'o',
    usage: { input: 3, output: 4, totalCost: 0.1 },
    id: generationId,
    traceId,
    endTime: started,
  }),
  event('efd33b6d-cf51-42e6-91c1-259e3c9e3ae1', 'span-update', {
    output: 'so',
    id: spanId,
    traceId,
    endTime: started,
  }),
  event('612d06ea-3aa7-41e6-823d-8ea8cbf90e89', 'trace-create', {
    id: traceId,
    timestamp: started,
    output: 'out',
  }),
  event('c344d9be-0f81-4101-9f35-dced36737bc3', 'trace-create', {
    id: traceId,
    release: 'r',
    timestamp: started,
    name: 'tr',
    userId: 'u',
    sessionId: 's',
    tags: ['x'],
    metadata: { k: 1 },
    input: 'in',
    version: '1',
    public: true,
  }),
  event('16ed13e4-0b11-402a-8a50-8631665778b9', 'span-create', {
    id: spanId,
    startTime: started,
    name: 'sp',
    input: { a: 1 },
    traceId,
    parentObservationId: null,
  }),
  event('46e57434-ecad-4eaa-8a50-8f7e4bf59395', 'span-update', {
    metadata: { z: 1 },
    id: spanId,
    traceId,
  }),
  event('79fbeb26-448e-4ffd-b912-d9fc86cadee9', 'generation-create', {
    id: generationId,
    startTime: started,
    name: 'g',
    model: 'gpt-4',
    modelParameters: { temperature: 0.1 },
    input: [{ role: 'user', content: 'hi' }],
    usage: { promptTokens: 3, completionTokens: 4 },
    traceId,
    parentObservationId: spanId,
  }),
]

const scoredTrace = '0af7651916cd43dd8448eb211c80319c'
const scoredSpan = 'b7ad6b7169203331'

interface RecordedScore {
  body: { id: string; name: string; [field: string]: unknown }
  /** The time of the envelope. */
  timestamp: string
  /** The same time as it is read back. */
  readTimestamp: string
}

/** `@langfuse/client` 5.11.1, then Python's `langfuse` 4.14.3. */
export const recordedScores: RecordedScore[] = [
  {
    body: {
      name: 'n',
      value: 0.85,
      traceId: scoredTrace,
      comment: 'c',
      id: '0b3ac43f-2026-44f9-84f8-3d14f34dfb58',
    },
    timestamp: '2026-11-21T20:39:05.757Z',
    readTimestamp: '2026-11-21T20:39:05.757Z',
  },
  {
    body: {
      name: 's',
      value: 1,
      sessionId: 'sess-1',
      dataType: 'BOOLEAN',
      id: 'b7f334dc-1d87-445e-b835-51ba99015c33',
    },
    timestamp: '2026-11-21T20:39:05.757Z',
    readTimestamp: '2026-11-21T20:39:05.757Z',
  },
  {
    body: {
      name: 'run-score',
      value: 0.4,
      datasetRunId: 'run-05a6b6fd',
      id: '46ca32e1-a48d-4827-82e9-07f6dbf7def5',
    },
    timestamp: '2026-11-21T20:39:05.757Z',
    readTimestamp: '2026-11-21T20:39:05.757Z',
  },
  {
    body: {
      id: 'custom-id',
      name: 'o',
      value: 'x',
      traceId: scoredTrace,
      observationId: scoredSpan,
      dataType: 'CATEGORICAL',
    },
    timestamp: '2026-11-21T20:39:05.757Z',
    readTimestamp: '2026-11-21T20:39:05.757Z',
  },
  {
    body: {
      id: 'fbfcb366b1e93bad',
      name: 'acc',
      value: 1,
      comment: 'c',
      metadata: { z: 1 },
      traceId: '912d6fec03b19675327afa7a7872d4a3',
      observationId: '7cd96ca2eb0dfb8d',
    },
    timestamp: '2026-11-21T20:44:40.988918Z',
    readTimestamp: '2026-11-21T20:44:40.988Z',
  },
  {
    body: {
      id: 'my-score',
      name: 't',
      value: 0.3,
      comment: 'c',
      metadata: { k: 1 },
      traceId: scoredTrace,
      observationId: scoredSpan,
    },
    timestamp: '2026-01-01T00:00:00Z',
    readTimestamp: '2026-01-01T00:00:00.000Z',
  },
]
