import { z } from 'zod'
import { exampleListSplits } from '../../../store/read/datasets/examples.ts'
import {
  exampleWriteVersions,
  type ExamplePlan,
  type ExampleVersion,
} from '../../../store/write/examples.ts'
import { uuidAnswer } from '../../answer-schemas.ts'
import type { App, Services } from '../../services.ts'
import { notFound } from '../errors.ts'
import { findDataset, momentOf } from '../examples/as-of.ts'
import { baseSplits, elsewhere } from '../examples/example-writes.ts'
import { asOf, text, uuid } from '../schemas.ts'

const tags = ['langsmith datasets']
const params = z.object({ id: uuid })

const getSchema = {
  tags,
  summary: 'List the splits that examples of a dataset are in',
  params,
  querystring: z.object({ as_of: asOf }),
  response: { 200: z.array(z.string()) },
}

/** Python's client sends this many at a time. */
const maxExamples = 10_000

const putSchema = {
  tags,
  summary: 'Put examples into a split, or take them out; answers the ids of those that changed',
  params,
  body: z.object({
    split_name: text.pipe(z.string().min(1)),
    examples: z.array(uuid).max(maxExamples),
    remove: z.boolean().nullish(),
  }),
  response: { 200: z.array(uuidAnswer) },
}

/** Splits: names for subsets of a dataset's examples (contracts/langsmith.md 2.3.2). */
export function splitsRoutes(app: App, { db, clock }: Services): void {
  app.get('/datasets/:id/splits', { schema: getSchema }, async (request) => {
    const { tenantId } = request.principal
    const dataset = await findDataset(db, tenantId, request.params.id)
    const filter = { datasetId: dataset.id, archived: false }
    return exampleListSplits(db, { tenantId, filter, asOf: momentOf(request.query.as_of) })
  })

  // All or none, as one version. An example that leaves its last split goes back to `base`.
  app.put('/datasets/:id/splits', { schema: putSchema }, async (request) => {
    const { tenantId } = request.principal
    const { split_name: split, examples, remove } = request.body
    const datasetId = request.params.id
    const ids = [...new Set(examples)]
    const plan = planSplits(datasetId, ids, (splits) => {
      if (remove !== true) return splits.includes(split) ? splits : [...splits, split]
      const rest = splits.filter((name) => name !== split)
      return rest.length === 0 ? baseSplits : rest
    })
    const write = { tenantId, datasetId, ids, now: clock.now() }
    const written = await exampleWriteVersions(db, write, plan)
    if (written === null) throw notFound('Dataset')
    return written.map(({ id }) => id)
  })
}

/** @throws LangsmithError 404 for an unknown example, 409 for one of another dataset */
function planSplits(
  datasetId: string,
  ids: string[],
  change: (splits: string[]) => string[],
): ExamplePlan {
  return (_, current) => {
    const changed: ExampleVersion[] = []
    for (const id of ids) {
      const before = current.get(id)
      if (before === undefined || before.archived) throw notFound('Example')
      if (before.datasetId !== datasetId) throw elsewhere()
      const splits = change(before.splits)
      if (splits.join('\0') !== before.splits.join('\0')) changed.push({ ...before, splits })
    }
    return changed
  }
}
