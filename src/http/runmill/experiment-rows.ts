import { z } from 'zod'
import { storableText } from '../../domain/ids.ts'
import { stringifyWithRaw } from '../../domain/raw-json.ts'
import {
  type ExecutionFilter,
  type ExecutionLine,
  type ExecutionPlace,
  experimentRowCount,
  experimentRowList,
} from '../../store/read/experiments/experiment-rows.ts'
import type { Db } from '../../store/pool.ts'
import { file } from '../answer-schemas.ts'
import { streamOf } from '../reads.ts'
import type { App, Services } from '../services.ts'
import { experimentFromRow } from './compare-answer.ts'
import { RunmillError } from './errors.ts'
import { findExperiment } from './find-experiment.ts'

const text = z.string().transform(storableText)

/** A JSON object of texts, in a parameter. */
const metadata = z
  .string()
  .max(4000)
  .transform((json, context): Record<string, string> => {
    try {
      return z
        .record(text.pipe(z.string().max(500)), text.pipe(z.string().max(1000)))
        .parse(JSON.parse(json))
    } catch {
      context.addIssue({ code: 'custom', message: 'Expected a JSON object of texts' })
      return z.NEVER
    }
  })
  .meta({ type: 'string', example: '{"branch":"main"}' })

const splits = z.union([text.transform((one) => [one]), z.array(text).min(1).max(100)])

const schema = {
  tags: ['runmill'],
  summary: 'All executions of an experiment, as lines of JSON',
  params: z.object({
    experiment: text.pipe(z.string().min(1).max(1000)).describe('Id or name, or `latest`'),
  }),
  querystring: z.object({
    dataset: text
      .optional()
      .describe('Id or name, where names of experiments alone are not unique'),
    experiment_metadata: metadata.optional().describe('What the metadata of `latest` must contain'),
    status: z.enum(['success', 'error', 'pending']).optional(),
    split: splits.optional().describe('Executions of examples in one of these splits'),
    metadata: metadata.optional().describe('What the metadata of the examples must contain'),
    after: z
      .string()
      .max(100)
      .optional()
      .describe(
        'To go on where an answer was cut off: `example_id` and `id` of its last row, with a comma',
      ),
  }),
  response: {
    200: file(
      'application/x-ndjson',
      'The first line is `{"experiment": …}`, the last one `{"end": {"rows", "total"}}`: how many lines were between them, and how many executions the filter selects, counted afterwards. Each line between is one execution of one example, those of an example one after the other. `inputs`, `outputs`, `reference`, `metadata`, `example_metadata` and `error` are JSON as text. `scores` has by key the mean `score`, the `label` and the `reason`. An answer without the last line was cut off.',
    ),
  },
}

/** Rows that one statement reads at first. More when they are small, fewer when they are large (see also pageBytes). */
const firstPage = 100
const mostRows = 200
const wantedBytes = 2_000_000

/** `GET /api/runmill/experiments/{experiment}/rows`: everything that the filter selects, read page by page. */
export function getExperimentRows(app: App, { db }: Services): void {
  app.get(
    '/experiments/:experiment/rows',
    { schema, config: { scope: 'read' } },
    async (request, reply) => {
      const { tenantId } = request.principal
      const { dataset, experiment_metadata: wanted, status, split, after } = request.query
      const name = request.params.experiment
      const experiment = await findExperiment(db, tenantId, name, dataset, wanted)
      const filter = { status, splits: split, metadata: request.query.metadata }
      const place = after === undefined ? null : placeOf(after)
      const source = { db, tenantId, experimentId: experiment.id, filter }
      // Read before the answer begins, so that a failure can be answered as one.
      const page = { after: place, limit: firstPage }
      const first = await experimentRowList(db, tenantId, experiment.id, filter, page)
      const head = stringifyWithRaw({ experiment: experimentFromRow(experiment) })
      reply.type('application/x-ndjson')
      return streamOf(linesOf(source, head, first))
    },
  )
}

interface Source {
  db: Db
  tenantId: string
  experimentId: string
  filter: ExecutionFilter
}

async function* linesOf(
  source: Source,
  head: string,
  first: ExecutionLine[],
): AsyncGenerator<string> {
  const { db, tenantId, experimentId, filter } = source
  yield `${head}\n`
  let rows = 0
  let limit = firstPage
  for (let page = first; page.length > 0; ) {
    const lines = page.flatMap(({ line }) => (line === null ? [] : [line]))
    rows += lines.length
    const text = lines.map((line) => `${line}\n`).join('')
    if (text !== '') yield text
    limit = nextLimit(limit, text.length)
    const after = page.at(-1)!
    page = await experimentRowList(db, tenantId, experimentId, filter, { after, limit })
  }
  const total = await experimentRowCount(db, tenantId, experimentId, filter)
  yield `${JSON.stringify({ end: { rows, total } })}\n`
}

function nextLimit(limit: number, bytes: number): number {
  if (bytes > 2 * wantedBytes) return Math.max(1, Math.floor(limit / 2))
  if (bytes < wantedBytes / 2) return Math.min(mostRows, limit * 2)
  return limit
}

/** @throws RunmillError 400 */
function placeOf(after: string): ExecutionPlace {
  const [exampleId = '', itemId = '', ...more] = after.split(',')
  const isPlace = [exampleId, itemId].every((id) => z.guid().safeParse(id).success)
  if (!isPlace || more.length > 0) {
    throw new RunmillError(400, '`after` is the example_id and the id of a row, with a comma')
  }
  return { exampleId, itemId }
}
