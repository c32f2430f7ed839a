import { z } from 'zod'
import { exampleClone } from '../../../store/write/example-imports.ts'
import { streamed } from '../../answer-schemas.ts'
import type { App, Services } from '../../services.ts'
import { findDataset, momentOf } from '../examples/as-of.ts'
import { notFound } from '../errors.ts'
import { exampleAnswer } from '../examples/example-answer.ts'
import { exampleFromRow } from '../examples/example-from-row.ts'
import { assertExampleFits } from '../examples/example-schemas.ts'
import { streamVersion } from '../examples/example-stream.ts'
import { names, uuid, version as versionName } from '../schemas.ts'

const schema = {
  tags: ['langsmith datasets'],
  summary: 'Copy examples of a dataset into another one, all or none; answers the copies',
  body: z.object({
    source_dataset_id: uuid,
    target_dataset_id: uuid,
    as_of: versionName.nullish(),
    examples: z.array(uuid).max(10_000).nullish(),
    split: names.nullish(),
  }),
  response: { 200: streamed(z.array(exampleAnswer)) },
}

/** Answers 404 when either dataset does not exist, 422 when a copy breaks the target's schemas. */
export function postDatasetsClone(app: App, { db, clock }: Services): void {
  app.post('/datasets/clone', { schema }, async (request, reply) => {
    const { tenantId } = request.principal
    const { source_dataset_id: source, target_dataset_id: target, examples } = request.body
    const { as_of: asOf, split: splits } = request.body
    await findDataset(db, tenantId, source)
    const copied = await exampleClone(
      db,
      {
        tenantId,
        sourceDatasetId: source,
        targetDatasetId: target,
        filter: {
          archived: false,
          ...(examples == null || examples.length === 0 ? {} : { ids: examples }),
          ...(splits == null || splits.length === 0 ? {} : { splits }),
        },
        asOf: momentOf(asOf ?? { kind: 'latest' }),
        now: clock.now(),
      },
      (dataset, page) => {
        for (const example of page)
          assertExampleFits(dataset, example, ['body', 'examples', example.id])
      },
    )
    if (copied === null) throw notFound('Dataset')
    const { version } = copied
    if (version === null) return []
    return reply
      .type('application/json')
      .send(streamVersion(db, tenantId, target, version, (example) => exampleFromRow(example)))
  })
}
