import { z } from 'zod'
import {
  exampleListChanges,
  type ExampleChange,
} from '../../../store/read/datasets/dataset-versions.ts'
import type { App, Services } from '../../services.ts'
import { findDataset, timeOf } from '../examples/as-of.ts'
import { uuid, version } from '../schemas.ts'

const schema = {
  tags: ['langsmith datasets'],
  summary: 'Compare two versions of a dataset',
  params: z.object({ id: uuid }),
  querystring: z.object({ from_version: version, to_version: version }),
}

/** A time before the first version is the empty dataset. @throws 404 for an unknown tag */
export function getDatasetsIdVersionsDiff(app: App, { db }: Services): void {
  app.get('/datasets/:id/versions/diff', { schema }, async (request) => {
    const { tenantId } = request.principal
    const dataset = await findDataset(db, tenantId, request.params.id)
    const from = await timeOf(db, tenantId, dataset, request.query.from_version)
    const to = await timeOf(db, tenantId, dataset, request.query.to_version)
    const changes = await exampleListChanges(db, tenantId, dataset.id, from, to)
    const idsOf = (wanted: ExampleChange['change']) =>
      changes.filter(({ change }) => change === wanted).map(({ id }) => id)
    return {
      examples_added: idsOf('added'),
      examples_modified: idsOf('modified'),
      examples_removed: idsOf('removed'),
    }
  })
}
