import { z } from 'zod'
import type { JsonText } from '../../../domain/entities.ts'
import { eventVersion, type EventOf } from '../../../domain/events.ts'
import { resolveId, runItemId, type ResolvedId } from '../../../domain/ids.ts'
import { sliceMembers, toJsonMap } from '../../../domain/json.ts'
import {
  fromEpochMs,
  toEpochMicros,
  toMillisecondIso,
  type Timestamp,
} from '../../../domain/timestamp.ts'
import type { Db } from '../../../store/pool.ts'
import { experimentFindOfDataset } from '../../../store/read/experiments/dataset-experiments.ts'
import { exampleFind, type Example } from '../../../store/read/datasets/example.ts'
import type { ExperimentRow } from '../../../store/read/experiments/experiment-row.ts'
import {
  runFindTrace,
  runItemFind,
  type RunItemRow,
} from '../../../store/read/experiments/run-items.ts'
import { experimentUpsertByName } from '../../../store/write/experiments.ts'
import { readBack } from '../../answer-time.ts'
import { acceptEvents } from '../../ingest.ts'
import type { App, Services } from '../../services.ts'
import { datasetRunItemAnswer, datasetRunItemFromRow } from './dataset-run-item-from-row.ts'
import { notFound } from '../errors.ts'
import { lenientDate, strictDate, text } from '../requests.ts'

const body = z
  .strictObject({
    runName: text,
    runDescription: text.nullish(),
    metadata: z.unknown().optional(),
    datasetItemId: z.string(),
    traceId: z.string().nullish(),
    observationId: z.string().nullish(),
    datasetVersion: lenientDate.nullish(),
    createdAt: strictDate.nullish(),
  })
  .refine(({ traceId, observationId }) => Boolean(traceId) || Boolean(observationId), {
    path: ['observationId', 'traceId'],
    message: 'observationId or traceId must be provided',
  })

/**
 * Links an item's execution to a run, which is made when its name is new (contracts/langfuse.md 2.1). A repeated
 * request makes no other row and gets the same answer; a link of another trace is a repetition of the item.
 */
export function postDatasetRunItems(app: App, services: Services): void {
  const { db, clock } = services
  const nextInstant = createInstants(() => clock.now())
  const schema = {
    body,
    response: { 200: datasetRunItemAnswer },
    tags: ['langfuse dataset run items'],
    summary: 'Link a dataset item to its execution in a run',
  }
  app.post('/dataset-run-items', { schema, config: { isIngest: true } }, async (request) => {
    const { tenantId } = request.principal
    const { runName, runDescription, datasetItemId, datasetVersion = null } = request.body
    const itemId = resolveId('example', datasetItemId).id
    const example = await exampleFind(db, tenantId, itemId, datasetVersion)
    if (example === null || example.archived) throw notFound('Dataset item not found')
    const link = await resolveLink(db, tenantId, request.body)
    const createdAt = request.body.createdAt ?? null
    const metadata = sliceMembers(request.bodyText).get('metadata') ?? 'null'
    const experiment = await experimentUpsertByName(db, {
      tenantId,
      datasetId: example.datasetId,
      name: runName,
      description: runDescription ?? null,
      metadata: await runMetadata(db, tenantId, example, runName, metadata, datasetVersion),
      createdAt,
      now: clock.now(),
    })
    const event = linkEvent(experiment, example, link, createdAt ?? nextInstant())
    await acceptEvents(services, request, [event], { isInteractive: true })
    const stored = await readBack(services, request, runItemFind(db, tenantId, event.id), null)
    return datasetRunItemFromRow(stored ?? rowOf(event, experiment, example))
  })
}

interface Link {
  trace: ResolvedId
  run: ResolvedId | null
}

/**
 * Finds the ids that a link names. A trace need not be stored yet, because SDKs link before they send it.
 * @throws LangfuseError 404 for an observation without a trace that is not stored
 */
async function resolveLink(
  db: Db,
  tenantId: string,
  { traceId, observationId }: z.output<typeof body>,
): Promise<Link> {
  const run = observationId ? resolveId('run', observationId) : null
  if (traceId || run === null) return { trace: resolveId('trace', traceId!), run }
  const found = await runFindTrace(db, tenantId, run.id)
  if (found === null) throw notFound('Observation not found')
  if (found.traceId === null) throw notFound('Trace not found')
  return { trace: { id: found.traceId, externalId: found.externalTraceId }, run }
}

/** Metadata that count as absent: null, and every other scalar that is false in JavaScript. */
const empty = /^(?:null|false|""|-?0(?:\.0*)?(?:[eE][+-]?\d+)?)$/

/** The run's metadata, with the requested dataset version added to them. @returns null to keep the run's own */
async function runMetadata(
  db: Db,
  tenantId: string,
  { datasetId }: Example,
  runName: string,
  sent: JsonText,
  datasetVersion: Timestamp | null,
): Promise<JsonText | null> {
  const version =
    datasetVersion === null
      ? {}
      : { dataset_version: JSON.stringify(toMillisecondIso(datasetVersion)) }
  if (empty.test(sent)) {
    if (datasetVersion === null) return null
    // Metadata replace those of an existing run, but a request with a version alone has sent none.
    const run = await experimentFindOfDataset(db, tenantId, datasetId, runName)
    return run === null ? objectText(version) : null
  }
  const map = toJsonMap(sent.startsWith('{') ? sent : `{"metadata":${sent}}`)
  return objectText({ ...map, ...version })
}

function objectText(map: Record<string, JsonText>): JsonText {
  const members = Object.entries(map).map(([key, value]) => `${JSON.stringify(key)}:${value}`)
  return `{${members.join(',')}}`
}

function linkEvent(
  experiment: ExperimentRow,
  example: Example,
  { trace, run }: Link,
  createdAt: Timestamp,
): EventOf<'run_item'> {
  const id = runItemId(experiment.id, example.id, trace.id, run?.id ?? null)
  return {
    kind: 'run_item',
    id,
    externalId: null,
    version: eventVersion('create', createdAt, id),
    patch: {
      experimentId: experiment.id,
      datasetId: example.datasetId,
      exampleId: example.id,
      traceId: trace.id,
      externalTraceId: trace.externalId,
      runId: run?.id ?? null,
      externalRunId: run?.externalId ?? null,
      exampleVersion: example.validFrom,
      createdAt,
    },
  }
}

/** The row that an event will make: the answer while it is not applied. */
function rowOf(
  { id, patch }: EventOf<'run_item'>,
  experiment: ExperimentRow,
  example: Example,
): RunItemRow {
  return {
    id,
    externalId: null,
    experimentId: experiment.id,
    externalExperimentId: experiment.externalId,
    experimentName: experiment.name,
    exampleId: example.id,
    externalExampleId: example.externalId,
    traceId: patch.traceId!,
    externalTraceId: patch.externalTraceId ?? null,
    runId: patch.runId ?? null,
    externalRunId: patch.externalRunId ?? null,
    createdAt: patch.createdAt!,
  }
}

/** Makes strictly increasing times, so that links of one millisecond are listed in the order they came. */
function createInstants(now: () => Timestamp): () => Timestamp {
  let last = 0
  return () => {
    last = Math.max(toEpochMicros(now()), last + 1)
    const milliseconds = toMillisecondIso(fromEpochMs(Math.floor(last / 1000))!)
    return `${milliseconds.slice(0, -1)}${String(last % 1000).padStart(3, '0')}Z`
  }
}
