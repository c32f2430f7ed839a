import { z } from 'zod'
import { parseTimestamp } from '../../../domain/timestamp.ts'
import { datasetVersionFind } from '../../../store/read/datasets/dataset-versions.ts'
import { datasetTagUpsert } from '../../../store/write/dataset-tags.ts'
import type { App, Services } from '../../services.ts'
import { findDataset, timeOf } from '../examples/as-of.ts'
import { notFound } from '../errors.ts'
import { text, uuid, version } from '../schemas.ts'
import { versionAnswer, versionFromRow } from './versions.ts'

/** Longest tag, in characters. */
const maxTagLength = 255

/** A tag must not look like a time or like `latest`, because `as_of` would not read it as a tag. */
const tagName = text.pipe(
  z
    .string()
    .min(1)
    .max(maxTagLength)
    .refine((tag) => tag !== 'latest' && parseTimestamp(tag) === null, {
      message: 'A tag is neither `latest` nor a time',
    }),
)

const schema = {
  tags: ['langsmith datasets'],
  summary: 'Give the version of a dataset at a time a tag; another version of that tag loses it',
  params: z.object({ id: uuid }),
  body: z.object({ as_of: version, tag: tagName }),
  response: { 200: versionAnswer },
}

/** `as_of` may be any time: it stands for the newest version up to then (contracts/langsmith.md 2.3.3). */
export function putDatasetsIdTags(app: App, { db, clock }: Services): void {
  app.put('/datasets/:id/tags', { schema }, async (request) => {
    const { tenantId } = request.principal
    const { as_of: asOf, tag } = request.body
    const dataset = await findDataset(db, tenantId, request.params.id)
    const time = await timeOf(db, tenantId, dataset, asOf)
    const found = await datasetVersionFind(db, tenantId, dataset.id, time)
    if (found === null) throw notFound('Dataset version')
    const named = { tenantId, datasetId: dataset.id, tag }
    const isTagged = await datasetTagUpsert(db, named, found.asOf, clock.now())
    if (!isTagged) throw notFound('Dataset')
    const tagged = await datasetVersionFind(db, tenantId, dataset.id, found.asOf)
    return versionFromRow(tagged ?? found)
  })
}
