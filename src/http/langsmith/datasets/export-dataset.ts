import { Readable } from 'node:stream'
import { z } from 'zod'
import type { Db } from '../../../store/pool.ts'
import { findDataset, timeOf } from '../examples/as-of.ts'
import { examplesAt } from '../examples/example-stream.ts'
import type { Example } from '../../../store/read/datasets/examples.ts'
import { asOf, uuid, type AsOf } from '../schemas.ts'

/** What every export of a dataset is asked by. */
export const exportRequest = {
  params: z.object({ id: uuid }),
  querystring: z.object({ as_of: asOf }),
}

/**
 * One line of text per example, in constant memory.
 * @param write the line, without its end
 * @throws LangsmithError 404 for an unknown dataset or tag
 */
export async function exportLines(
  db: Db,
  tenantId: string,
  datasetId: string,
  version: AsOf,
  write: (example: Example) => string,
): Promise<Readable> {
  const dataset = await findDataset(db, tenantId, datasetId)
  const time = await timeOf(db, tenantId, dataset, version)
  async function* lines(): AsyncGenerator<string> {
    for await (const example of examplesAt(db, tenantId, datasetId, time)) {
      // A line end in JSON as it was sent stands between values only.
      yield `${write(example).replace(/[\r\n]+/g, ' ')}\n`
    }
  }
  return Readable.from(lines())
}

/** Headers of a file that browsers save. */
export function downloadHeaders(datasetId: string, extension: string): Record<string, string> {
  return { 'content-disposition': `attachment; filename="dataset-${datasetId}.${extension}"` }
}
