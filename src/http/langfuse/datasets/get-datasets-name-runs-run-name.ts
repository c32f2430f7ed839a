import { z } from 'zod'
import {
  runItemList,
  runItemListAfter,
  type RunItemRow,
} from '../../../store/read/experiments/run-items.ts'
import type { App, Services } from '../../services.ts'
import { datasetRunFromRow, datasetRunItemFromRow } from './dataset-from-row.ts'
import { findDatasetRun } from './find-dataset-run.ts'
import { streamList } from '../json-stream.ts'
import { text } from '../requests.ts'

/** Run items read in one go: they are small. */
const pageSize = 1000

/** A run with all its items, unpaginated by contract (contracts/langfuse.md 2.4). */
export function getDatasetsNameRunsRunName(app: App, { db }: Services): void {
  const path = '/datasets/:name/runs/:runName'
  const schema = {
    params: z.object({ name: text, runName: text }),
    tags: ['langfuse dataset runs'],
    summary: 'Read a dataset run with its items',
  }
  app.get(path, { schema }, async ({ principal: { tenantId }, params }, reply) => {
    const { dataset, run } = await findDatasetRun(db, tenantId, params.name, params.runName)
    const first = await runItemList(db, tenantId, run.id, { limit: pageSize, offset: 0 })
    const next = async (last: RunItemRow) => runItemListAfter(db, tenantId, run.id, last, pageSize)
    const head = datasetRunFromRow(dataset, run)
    const items = streamList(head, 'datasetRunItems', first, next, datasetRunItemFromRow)
    return reply.type('application/json; charset=utf-8').send(items)
  })
}
