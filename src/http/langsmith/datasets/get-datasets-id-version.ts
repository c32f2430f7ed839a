import { z } from 'zod'
import { datasetVersionFind } from '../../../store/read/datasets/dataset-versions.ts'
import type { App, Services } from '../../services.ts'
import { findDataset, timeOf } from '../examples/as-of.ts'
import { invalid, notFound } from '../errors.ts'
import { versionFromRow } from './get-datasets-id-versions.ts'
import { text, uuid, version } from '../schemas.ts'

const schema = {
  tags: ['langsmith datasets'],
  summary: 'Read the version of a dataset at a time, or the one that has a tag',
  params: z.object({ id: uuid }),
  querystring: z.object({ as_of: version.optional(), tag: text.optional() }),
}

/** The latest when nothing is asked for. @throws 404 when there was no example yet, or for an unknown tag */
export function getDatasetsIdVersion(app: App, { db }: Services): void {
  app.get('/datasets/:id/version', { schema }, async (request) => {
    const { tenantId } = request.principal
    const { as_of: asOf, tag } = request.query
    if (asOf !== undefined && tag !== undefined) {
      throw invalid(['query', 'tag'], 'Only one of as_of and tag can be given')
    }
    const dataset = await findDataset(db, tenantId, request.params.id)
    const asked = tag === undefined || tag === 'latest' ? asOf : { kind: 'tag' as const, tag }
    const time = await timeOf(db, tenantId, dataset, asked ?? { kind: 'latest' })
    const found = await datasetVersionFind(db, tenantId, dataset.id, time)
    if (found === null) throw notFound('Dataset version')
    return versionFromRow(found)
  })
}
