import { z } from 'zod'
import { storableText } from '../../domain/ids.ts'

const text = z.string().transform(storableText)
const name = text.pipe(z.string().min(1).max(1000))
/** The key of a score, or `latency`, `tokens`, `cost`. */
export const measureKey = text.pipe(z.string().min(1).max(500))

const metadata = z.record(z.string().max(500), z.string().max(1000))

const changes = z.enum(['improved', 'regressed', 'equal', 'missing'])

/** What `POST /api/runmill/compare` takes. */
export const compareRequest = z.object({
  dataset: name.optional().describe('Id or name, where names of experiments alone are not unique'),
  candidates: z
    .array(name)
    .min(1)
    .max(100)
    .describe(
      'Ids or names of the experiments that are judged, or `latest` for the newest one; the rows are sorted and chosen by the first',
    ),
  candidate_metadata: metadata
    .optional()
    .describe('What the metadata of a candidate that is `latest` must contain'),
  baseline: name
    .default('previous')
    .describe(
      'Id or name of the experiment that they are judged by; `previous`: the one before the first candidate on its dataset; `latest`: the newest other one',
    ),
  baseline_metadata: metadata
    .optional()
    .describe(
      'What the metadata of `previous` or `latest` must contain, for example {"branch": "main"}',
    ),
  measures: z
    .array(measureKey)
    .max(100)
    .optional()
    .describe('Keys of scores, or `latency`, `tokens`, `cost`; without it, all that there are'),
  directions: z
    .record(z.string().max(500), z.enum(['higher', 'lower']))
    .optional()
    .describe(
      'Which way is better, by key, whatever is stored (`PUT /api/runmill/score-directions`) or in the config of the score',
    ),
  margins: z
    .record(z.string().max(500), z.number().min(0))
    .optional()
    .describe('How much worse still counts as not worse, by key, in units of the measure'),
  confidence: z.number().min(0.5).max(0.999).default(0.95),
  least_pairs: z.int().min(2).max(10_000).default(5).describe('With fewer pairs nothing is judged'),
  tolerance: z.number().min(0).default(1e-9).describe('Differences up to this are equal'),
  sort: z
    .object({
      measure: measureKey,
      by: z.enum(['difference', 'baseline', 'candidate']).default('difference'),
      order: z.enum(['asc', 'desc']).default('asc'),
    })
    .optional()
    .describe('Of the rows; without it, the newest examples come first'),
  change: z
    .object({ measure: measureKey, is: z.array(changes).min(1).max(4) })
    .optional()
    .describe('Rows whose measure changed in one of these ways'),
  examples: z
    .object({
      metadata: z
        .record(z.string().max(500), z.union([z.string().max(1000), z.number(), z.boolean()]))
        .optional()
        .describe('What their metadata contain, for example {"topic": "math"}'),
      text: text
        .pipe(z.string().min(1).max(200))
        .optional()
        .describe('What their inputs or their reference contain, in upper or lower case'),
    })
    .optional()
    .describe('Only these examples count: for the measures, and for the rows'),
  summary: z
    .boolean()
    .default(true)
    .describe('Whether the measures are compared; without them only the rows are answered'),
  bodies: z
    .enum(['full', 'none'])
    .default('full')
    .describe('Whether rows have the inputs and the reference of their examples'),
  limit: z
    .int()
    .min(0)
    .max(200)
    .default(50)
    .describe('The number of rows; fewer come where examples are large'),
  cursor: z.string().max(4000).optional().describe('Of the page before'),
})

export type CompareRequest = z.output<typeof compareRequest>
