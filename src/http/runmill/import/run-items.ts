import { z } from 'zod'
import { eventVersion, type EventOf } from '../../../domain/events.ts'
import { resolveId, runItemId, storableText } from '../../../domain/ids.ts'
import { exampleBeginsAsOf } from '../../../store/read/datasets/examples.ts'
import { acceptEvents } from '../../ingest.ts'
import type { App, Services } from '../../services.ts'
import { atOnce, config, givenId, tags, time } from './schemas.ts'

const item = z.object({
  id: givenId
    .nullish()
    .describe('Absent or null: it is shown under the one that any client’s link would get'),
  experiment_id: givenId,
  dataset_id: givenId.nullish().describe('Absent or null: the example is in no dataset'),
  example_id: givenId,
  trace_id: givenId,
  run_id: givenId.nullish(),
  example_version: time.describe(
    'The version of the example that was executed is the one of this time',
  ),
  created_at: time,
})

const schema = {
  tags,
  summary:
    'Write links of examples to their executions as another server has them, with ids and times',
  body: z.object({ items: z.array(item).max(atOnce) }),
  response: { 202: z.object({ accepted: z.int() }) },
}

/** `POST /api/runmill/import/run-items`. What they link may come later. */
export function postImportRunItems(app: App, services: Services): void {
  const options = { schema, config: { ...config, isIngest: true } }
  app.post('/import/run-items', options, async (request, reply) => {
    const { items } = request.body
    const executed = items.map(({ example_id, example_version: asOf }) => ({
      id: resolveId('example', example_id).id,
      asOf,
    }))
    const begins = await exampleBeginsAsOf(services.db, request.principal.tenantId, executed)
    const events = items.map((given, index) => eventOf(given, begins[index]!))
    await acceptEvents(services, request, events, { isInteractive: false })
    return reply.code(202).send({ accepted: events.length })
  })
}

/** The row has the id that any client's link would make (architecture.md 4.3), and shows the one that was given. */
function eventOf(given: z.output<typeof item>, exampleVersion: string | null): EventOf<'run_item'> {
  const experimentId = resolveId('experiment', given.experiment_id).id
  const { id: exampleId, externalId: externalExampleId } = resolveId('example', given.example_id)
  const trace = resolveId('trace', given.trace_id)
  const run = given.run_id ? resolveId('run', given.run_id) : null
  const id = runItemId(experimentId, exampleId, trace.id, run?.id ?? null)
  return {
    kind: 'run_item',
    id,
    externalId: !given.id || given.id === id ? null : storableText(given.id),
    version: eventVersion('create', given.created_at, id),
    patch: {
      experimentId,
      exampleId,
      ...(given.dataset_id
        ? { datasetId: resolveId('dataset', given.dataset_id).id }
        : { externalExampleId }),
      traceId: trace.id,
      externalTraceId: trace.externalId,
      runId: run?.id ?? null,
      externalRunId: run?.externalId ?? null,
      ...(exampleVersion === null ? {} : { exampleVersion }),
      createdAt: given.created_at,
    },
  }
}
