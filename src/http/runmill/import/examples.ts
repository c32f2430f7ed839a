import { z } from 'zod'
import { attachmentsText } from '../../../domain/attachments.ts'
import { isUuid, resolveId, storableText } from '../../../domain/ids.ts'
import { sliceElements, sliceMembers } from '../../../domain/json.ts'
import { blobListAmong } from '../../../store/read/blobs.ts'
import { exampleImportVersions, type ImportedVersion } from '../../../store/write/imports.ts'
import type { App, Services } from '../../services.ts'
import { RunmillError } from '../errors.ts'
import {
  anyJson,
  atOnce,
  config,
  givenId,
  memberOf,
  metadataOf,
  tags,
  text,
  time,
} from './schemas.ts'

const attachment = z.object({
  name: text,
  blob_id: z.string().refine(isUuid),
  mime_type: text,
})

const version = z.object({
  id: givenId,
  valid_from: time.describe('When this version was made'),
  valid_to: time
    .nullish()
    .describe('When it was changed or deleted; absent or null: it is the current one'),
  created_at: time.nullish().describe('When the example was first made'),
  ordinal: z.int().min(0).nullish().describe('Its place among those of one `valid_from`'),
  inputs: anyJson,
  outputs: anyJson,
  metadata: anyJson,
  splits: z.array(text).nullish(),
  archived: z.boolean().nullish(),
  source_trace_id: givenId.nullish(),
  source_run_id: givenId.nullish(),
  attachments: z.array(attachment).nullish().describe('Their bytes were sent to `import/blobs`'),
})

const schema = {
  tags,
  summary: 'Write versions of the examples of a dataset as another server has them, in any order',
  body: z.object({ dataset_id: givenId, versions: z.array(version).max(atOnce) }),
  response: { 200: z.object({ written: z.int() }) },
}

/**
 * `POST /api/runmill/import/examples`. A version that is there stays as it is, but may end earlier. 409 when another
 * dataset has one of the examples, or had it at the time of a version; the others are written.
 */
export function postImportExamples(app: App, { db }: Services): void {
  app.post('/import/examples', { schema, config }, async (request) => {
    const { tenantId } = request.principal
    const { dataset_id: datasetId, versions } = request.body
    const texts = sliceElements(sliceMembers(request.bodyText).get('versions')!)
    const blobIds = versions
      .flatMap(({ attachments }) => attachments ?? [])
      .map((one) => one.blob_id)
    const blobs = await blobListAmong(db, tenantId, [...new Set(blobIds)])
    const rows = versions.map((given, i): ImportedVersion => {
      const attachments = (given.attachments ?? []).map(
        ({ name, blob_id, mime_type: mimeType }) => {
          const blob = blobs.get(blob_id.toLowerCase())
          if (blob === undefined) throw new RunmillError(422, `There is no blob ${blob_id}`)
          return { name, blobId: blob.id, mimeType, size: blob.size }
        },
      )
      return rowOf(given, sliceMembers(texts[i]!), attachmentsText(attachments))
    })
    const taken = await exampleImportVersions(
      db,
      tenantId,
      resolveId('dataset', datasetId).id,
      rows,
    )
    if (taken === null) throw new RunmillError(404, 'There is no such dataset')
    if (taken.length > 0) {
      throw new RunmillError(
        409,
        `Another dataset has the examples ${taken.slice(0, 5).join(', ')}`,
      )
    }
    return { written: rows.length }
  })
}

function rowOf(
  given: z.output<typeof version>,
  members: ReadonlyMap<string, string>,
  attachments: string | null,
): ImportedVersion {
  const trace = given.source_trace_id ? resolveId('trace', given.source_trace_id) : null
  const run = given.source_run_id ? resolveId('run', given.source_run_id) : null
  return {
    ...resolveId('example', given.id),
    validFrom: given.valid_from,
    validTo: given.valid_to ?? null,
    createdAt: given.created_at ?? given.valid_from,
    ordinal: given.ordinal ?? 0,
    inputs: memberOf(members, 'inputs'),
    outputs: memberOf(members, 'outputs'),
    metadata: metadataOf(members),
    splits: given.splits?.map(storableText) ?? ['base'],
    archived: given.archived ?? false,
    sourceTraceId: trace?.id ?? null,
    externalSourceTraceId: trace?.externalId ?? null,
    sourceRunId: run?.id ?? null,
    externalSourceRunId: run?.externalId ?? null,
    attachments,
  }
}
