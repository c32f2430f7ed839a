import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { resolveId } from '../../../domain/ids.ts'
import { jsonbText, sliceMembers } from '../../../domain/json.ts'
import { datasetFindByName, type Dataset } from '../../../store/read/datasets/datasets.ts'
import type { Example } from '../../../store/read/datasets/example.ts'
import { mediaListAmong } from '../../../store/read/media.ts'
import { exampleWriteVersions, type ExampleVersion } from '../../../store/write/examples.ts'
import type { App, Services } from '../../services.ts'
import { datasetItemAnswer, datasetItemFromRow } from './dataset-from-row.ts'
import { checkItem } from './dataset-schema.ts'
import { conflict, invalidRequest, notFound } from '../errors.ts'
import { readPayload, type Payload } from './item-payload.ts'
import { mediaIdsOf, withMedia } from '../media/media-references.ts'
import { text } from '../requests.ts'

const body = z.object({
  datasetName: text,
  input: z.unknown().optional(),
  expectedOutput: z.unknown().optional(),
  metadata: z.unknown().optional(),
  id: z.string().min(1).max(255).nullish(),
  sourceTraceId: z.string().nullish(),
  sourceObservationId: z.string().nullish(),
  status: z.enum(['ACTIVE', 'ARCHIVED']).nullish(),
})

/** What a request says of an item. */
interface ItemChange
  extends Pick<z.output<typeof body>, 'sourceTraceId' | 'sourceObservationId' | 'status'> {
  /** The id as the client wrote it; null when it wrote none. */
  givenId: string | null
  id: string
  externalId: string | null
  input: Payload
  expectedOutput: Payload
  metadata: Payload
}

/** Makes an item, or changes the one of that id. Absent and null fields keep (contracts/langfuse.md 2.5). */
export function postDatasetItems(app: App, services: Services): void {
  const { db, clock } = services
  const schema = {
    body,
    response: { 200: datasetItemAnswer },
    tags: ['langfuse dataset items'],
    summary: 'Make a dataset item, or a new version of it',
  }
  app.post('/dataset-items', { schema }, async (request) => {
    const { tenantId } = request.principal
    const { datasetName, id: givenId = null, ...rest } = request.body
    const sent = sliceMembers(request.bodyText)
    const payloads = {
      input: readPayload(sent.get('input')),
      expectedOutput: readPayload(sent.get('expectedOutput')),
      metadata: readPayload(sent.get('metadata')),
    }
    const resolved = resolveId('example', givenId ?? randomUUID())
    const change: ItemChange = { ...rest, givenId, ...resolved, ...payloads }
    const unknown = notFound(`Dataset ${datasetName} not found for project ${tenantId}`)

    const dataset = await datasetFindByName(db, tenantId, datasetName)
    if (dataset === null) throw unknown
    await checkMedia(services, tenantId, Object.values(payloads))
    const write = { tenantId, datasetId: dataset.id, ids: [change.id], now: clock.now() }
    const written = await exampleWriteVersions(db, write, (locked, current) => [
      nextVersion(locked, current.get(change.id), change),
    ])
    if (written === null) throw unknown
    const [item] = await withMedia(services, request, written)
    return datasetItemFromRow(dataset, item!)
  })
}

/** @throws LangfuseError 400 when a payload refers to media that were never announced */
async function checkMedia(
  { db }: Services,
  tenantId: string,
  payloads: readonly Payload[],
): Promise<void> {
  const ids = mediaIdsOf(payloads)
  const known = await mediaListAmong(db, tenantId, ids)
  const unknown = ids.filter((id) => !known.has(id))
  if (unknown.length > 0) {
    throw invalidRequest(`Dataset item references unknown media: ${unknown.join(', ')}`)
  }
}

/** @throws LangfuseError 409 for an id of another dataset, 400 for an invalid item */
function nextVersion(
  dataset: Dataset,
  current: Example | undefined,
  change: ItemChange,
): ExampleVersion {
  if (current !== undefined && current.datasetId !== dataset.id) {
    throw conflict(
      `Dataset item id ${change.givenId} already exists in another dataset (id ${current.datasetId}) in this project; ids are unique per project, use another one.`,
    )
  }
  const { metadata } = change
  const version: ExampleVersion = {
    id: change.id,
    externalId: current?.externalId ?? change.externalId,
    inputs: kept(change.input, current?.inputs),
    outputs: kept(change.expectedOutput, current?.outputs),
    metadata: kept(
      typeof metadata === 'string' ? jsonbText(metadata) : metadata,
      current?.metadata,
    ),
    splits: current?.splits ?? ['base'],
    archived:
      typeof change.status === 'string'
        ? change.status === 'ARCHIVED'
        : (current?.archived ?? false),
    ...sourceTrace(change.sourceTraceId, current),
    ...sourceRun(change.sourceObservationId, current),
  }
  if (change.givenId === null && version.inputs === null) {
    throw invalidRequest('Dataset item validation failed: Dataset item input cannot be null')
  }
  checkItem(dataset, version)
  return version
}

function kept(payload: Payload, stored: string | null | undefined): string | null {
  return payload === undefined ? (stored ?? null) : payload
}

type SourceTrace = Pick<Example, 'sourceTraceId' | 'externalSourceTraceId'>
type SourceRun = Pick<Example, 'sourceRunId' | 'externalSourceRunId'>

/** An empty id keeps the stored one, like null. */
function sourceTrace(given: string | null | undefined, current: Example | undefined): SourceTrace {
  if (!given) {
    return {
      sourceTraceId: current?.sourceTraceId ?? null,
      externalSourceTraceId: current?.externalSourceTraceId ?? null,
    }
  }
  const { id, externalId } = resolveId('trace', given)
  return { sourceTraceId: id, externalSourceTraceId: externalId }
}

function sourceRun(given: string | null | undefined, current: Example | undefined): SourceRun {
  if (!given) {
    return {
      sourceRunId: current?.sourceRunId ?? null,
      externalSourceRunId: current?.externalSourceRunId ?? null,
    }
  }
  const { id, externalId } = resolveId('run', given)
  return { sourceRunId: id, externalSourceRunId: externalId }
}
