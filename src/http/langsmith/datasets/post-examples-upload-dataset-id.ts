import { z } from 'zod'
import { exampleImport } from '../../../store/write/example-imports.ts'
import { streamed } from '../../answer-schemas.ts'
import type { App, Services } from '../../services.ts'
import { findDataset } from '../examples/as-of.ts'
import { notFound } from '../errors.ts'
import { exampleAnswer } from '../examples/example-answer.ts'
import { exampleFromRow } from '../examples/example-from-row.ts'
import { assertExampleFits } from '../examples/example-schemas.ts'
import { streamVersion } from '../examples/example-stream.ts'
import { uuid } from '../schemas.ts'
import {
  formSchema,
  mappingFields,
  readUploadColumns,
  readUploadForm,
  uploadScope,
} from './dataset-file-form.ts'
import { readExamples } from './dataset-file-rows.ts'

const schema = {
  tags: ['langsmith examples'],
  summary: 'Create examples from a CSV or JSON Lines file, all or nothing',
  consumes: ['multipart/form-data'],
  params: z.object({ dataset_id: uuid }),
  body: formSchema(mappingFields),
  response: { 200: streamed(z.array(exampleAnswer)) },
}

/** Answers the examples in the order of the file; 404 when there is no such dataset, 422 for a bad form or file. */
export function postExamplesUploadDatasetId(app: App, { db, clock }: Services): void {
  uploadScope(app, (scope) => {
    scope.post('/examples/upload/:dataset_id', { schema }, async (request, reply) => {
      const { tenantId } = request.principal
      const datasetId = request.params.dataset_id
      await findDataset(db, tenantId, datasetId)
      const form = await readUploadForm(request.body, request.headers['content-type'])
      const columns = readUploadColumns(form)
      const imported = await exampleImport(
        db,
        { tenantId, datasetId, now: clock.now() },
        readExamples(form.file, columns),
        (dataset, batch, first) => {
          for (const [i, example] of batch.entries()) {
            assertExampleFits(dataset, example, ['body', 'file', first + i])
          }
        },
      )
      if (imported === null) throw notFound('Dataset')
      if (imported.count === 0) return []
      const { version } = imported
      return reply
        .type('application/json')
        .send(streamVersion(db, tenantId, datasetId, version, (example) => exampleFromRow(example)))
    })
  })
}
