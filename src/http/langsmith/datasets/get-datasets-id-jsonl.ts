import { stringifyWithRaw } from '../../../domain/json.ts'
import type { Example } from '../../../store/read/datasets/examples.ts'
import type { App, Services } from '../../services.ts'
import { exampleFromRow } from '../examples/example-from-row.ts'
import { downloadHeaders, exportLines, exportRequest } from './export-dataset.ts'

const schema = {
  tags: ['langsmith datasets'],
  summary: 'Export a dataset as JSON Lines',
  ...exportRequest,
}

export function getDatasetsIdJsonl(app: App, { db }: Services): void {
  app.get('/datasets/:id/jsonl', { schema }, async (request, reply) => {
    const { tenantId } = request.principal
    const { id } = request.params
    const lines = await exportLines(db, tenantId, id, request.query.as_of, exampleLine)
    return reply.headers(downloadHeaders(id, 'jsonl')).type('application/jsonl').send(lines)
  })
}

/** Values are as they were sent, digit for digit. */
function exampleLine(example: Example): string {
  const { id, inputs, outputs, metadata } = exampleFromRow(example)
  return stringifyWithRaw({ id, inputs, outputs, metadata })
}
