import { z } from 'zod'
import {
  datasetVersionList,
  type DatasetVersion,
} from '../../../store/read/datasets/dataset-versions.ts'
import type { App, Services } from '../../services.ts'
import { findDataset } from '../examples/as-of.ts'
import { page, text, uuid } from '../schemas.ts'

const schema = {
  tags: ['langsmith datasets'],
  summary: 'List the versions of a dataset, newest first',
  params: z.object({ id: uuid }),
  querystring: z.object({ search: text.optional(), example: uuid.optional(), ...page }),
}

export function getDatasetsIdVersions(app: App, { db }: Services): void {
  app.get('/datasets/:id/versions', { schema }, async (request) => {
    const { tenantId } = request.principal
    const { search, example, limit, offset } = request.query
    const dataset = await findDataset(db, tenantId, request.params.id)
    const versions = await datasetVersionList(db, {
      tenantId,
      datasetId: dataset.id,
      exampleId: example ?? null,
      tagContains: search ?? null,
      limit,
      offset,
    })
    return versions.map(versionFromRow)
  })
}

/** DatasetVersion (contracts/langsmith.md 2.3.2). */
export function versionFromRow({ asOf, tags }: DatasetVersion) {
  return { tags: tags.length === 0 ? null : tags, as_of: asOf }
}
