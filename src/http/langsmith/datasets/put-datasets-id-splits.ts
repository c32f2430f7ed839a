import { z } from 'zod'
import {
  exampleWriteVersions,
  type ExamplePlan,
  type ExampleVersion,
} from '../../../store/write/examples.ts'
import type { App, Services } from '../../services.ts'
import { baseSplits, elsewhere } from '../examples/example-writes.ts'
import { notFound } from '../errors.ts'
import { text, uuid } from '../schemas.ts'

/** As many as Python's client sends at a time. */
const maxExamples = 10_000

const schema = {
  tags: ['langsmith datasets'],
  summary: 'Put examples into a split, or take them out; answers the ids of those that changed',
  params: z.object({ id: uuid }),
  body: z.object({
    split_name: text.pipe(z.string().min(1)),
    examples: z.array(uuid).max(maxExamples),
    remove: z.boolean().nullish(),
  }),
}

/** All or none, as one version. An example that leaves its last split is in `base`. @throws 404, 409 as an update */
export function putDatasetsIdSplits(app: App, { db, clock }: Services): void {
  app.put('/datasets/:id/splits', { schema }, async (request) => {
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
