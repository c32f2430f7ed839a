import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { JsonText } from '../../../domain/entities.ts'
import type { EventOf, IngestEvent } from '../../../domain/events.ts'
import { deriveId } from '../../../domain/ids.ts'
import { sliceElements, sliceMembers } from '../../../domain/json.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Dataset } from '../../../store/read/datasets/datasets.ts'
import type { ExamplePlan, ExampleVersion } from '../../../store/write/examples.ts'
import { formatDottedOrder } from '../../../domain/dotted-order.ts'
import { invalid } from '../errors.ts'
import { assertExampleFits } from '../examples/example-schemas.ts'
import { baseSplits, elsewhere } from '../examples/example-writes.ts'
import { readFeedbackConfig, type GivenFeedbackConfig } from '../feedback/feedback-config.ts'
import { feedbackToEvent } from '../feedback/feedback-to-event.ts'
import { joinMembers, textOf } from '../object-text.ts'
import { translateRun } from '../ingest/run-to-events.ts'
import { jsonObject, text, time, uuid } from '../schemas.ts'

/** ExperimentResultRow (contracts/langsmith.md 2.3.2). `readScores` checks the scores. */
export const uploadRow = z.object({
  row_id: uuid.nullish(),
  inputs: jsonObject,
  expected_outputs: jsonObject.nullish(),
  actual_outputs: jsonObject.nullish(),
  evaluation_scores: z.array(jsonObject).nullish(),
  start_time: time,
  end_time: time,
  run_name: text.nullish(),
  error: z.string().nullish(),
  run_metadata: jsonObject.nullish(),
})

/** A row's example, before its dataset is known. */
interface RowExample {
  /** Null: the id is derived from the contents, so that an equal row of another upload is the same example. */
  id: string | null
  inputs: JsonText
  outputs: JsonText | null
  loc: (string | number)[]
}

/** One row of an upload. Its run lacks only the id of the example. */
export interface UploadedRow {
  example: RowExample
  run: EventOf<'run'>
  scores: Scores
}

export interface Scores {
  feedback: IngestEvent[]
  configs: GivenFeedbackConfig[]
}

/**
 * Reads the examples, runs and scores of the rows.
 * @param listText JSON text of the list `results`, whose elements `uploadRow` has checked
 * @throws LangsmithError 422
 */
export function readUploadRows(
  listText: JsonText,
  rows: readonly z.output<typeof uploadRow>[],
  experiment: { id: string; name: string },
  now: Timestamp,
): UploadedRow[] {
  const texts = sliceElements(listText)
  return rows.map((row, i) => {
    const loc = ['body', 'results', i]
    const members = sliceMembers(texts[i]!)
    const id = randomUUID()
    const fields = runFields(members, row, id, experiment.name)
    const content = `${experiment.id}/${i}/${texts[i]!}`
    const run = translateRun({ operation: 'create', id, fields, content, loc }, now).event
    run.patch.experimentId = experiment.id
    const target = new Map<string, JsonText>([
      ['run_id', JSON.stringify(id)],
      ['trace_id', JSON.stringify(id)],
      ['session_id', JSON.stringify(experiment.id)],
      ['start_time', JSON.stringify(row.start_time)],
    ])
    const scoresLoc = [...loc, 'evaluation_scores']
    return {
      example: {
        id: row.row_id ?? null,
        inputs: members.get('inputs')!,
        outputs: textOf(members.get('expected_outputs')),
        loc,
      },
      run,
      scores: readScores(members.get('evaluation_scores'), target, now, scoresLoc),
    }
  })
}

/** @param target fields that say what the scores are on; they win over the scores' own. @throws LangsmithError 422 */
export function readScores(
  listText: JsonText | undefined,
  target: ReadonlyMap<string, JsonText>,
  now: Timestamp,
  listLoc: (string | number)[],
): Scores {
  const scores: Scores = { feedback: [], configs: [] }
  for (const [i, element] of sliceElements(listText ?? '[]').entries()) {
    const loc = [...listLoc, i]
    const fields = new Map([...sliceMembers(element), ...target])
    const event = feedbackToEvent(fields, joinMembers(fields), now, loc)
    scores.feedback.push(event)
    scores.configs.push(...readFeedbackConfig(event.patch.key, fields, loc))
  }
  return scores
}

function runFields(
  members: ReadonlyMap<string, JsonText>,
  row: z.output<typeof uploadRow>,
  id: string,
  experimentName: string,
): Map<string, JsonText> {
  const fields = new Map<string, JsonText>([
    ['name', JSON.stringify(row.run_name ?? experimentName)],
    ['run_type', '"chain"'],
    ['trace_id', JSON.stringify(id)],
    ['dotted_order', JSON.stringify(formatDottedOrder([{ time: row.start_time, id }]))],
    ['start_time', JSON.stringify(row.start_time)],
    ['end_time', JSON.stringify(row.end_time)],
  ])
  const payload = { inputs: 'inputs', outputs: 'actual_outputs', error: 'error' } as const
  for (const [field, member] of Object.entries(payload)) {
    const value = textOf(members.get(member))
    if (value !== null) fields.set(field, value)
  }
  const metadata = textOf(members.get('run_metadata'))
  if (metadata !== null) fields.set('extra', joinMembers(new Map([['metadata', metadata]])))
  return fields
}

/**
 * Assigns each row its example in the dataset, and plans the versions to write. Rows with the same example are
 * repetitions. A stored example whose contents differ gets a new version.
 * @throws LangsmithError 422 when rows with one id differ. The plan throws 409 for an example of another dataset, and
 * 422 for one that breaks the dataset's schemas
 */
export function planUploadExamples(
  dataset: Dataset,
  rows: readonly UploadedRow[],
): { ids: string[]; plan: ExamplePlan } {
  const wanted = new Map<string, RowExample>()
  for (const { example, run } of rows) {
    const id =
      example.id ?? deriveId('upload-row', dataset.id, example.inputs, example.outputs ?? '')
    const other = wanted.get(id)
    if (other !== undefined && !isSame(other, example)) {
      throw invalid([...example.loc, 'row_id'], 'Another row with this id has other contents')
    }
    if (other === undefined) wanted.set(id, example)
    run.patch.referenceExampleId = id
  }
  return {
    ids: [...wanted.keys()],
    plan: ({ inputsSchema, outputsSchema }, current) => {
      const versions: ExampleVersion[] = []
      for (const [id, { inputs, outputs, loc }] of wanted) {
        const before = current.get(id)
        if (before !== undefined && before.datasetId !== dataset.id) throw elsewhere()
        if (before !== undefined && isSame(before, { inputs, outputs })) continue
        const next = { ...(before ?? newExample(id)), inputs, outputs }
        assertExampleFits({ inputsSchema, outputsSchema }, next, loc)
        versions.push(next)
      }
      return versions
    },
  }
}

interface Contents {
  inputs: JsonText | null
  outputs: JsonText | null
}

function isSame(a: Contents, b: Contents): boolean {
  return a.inputs === b.inputs && a.outputs === b.outputs
}

function newExample(id: string): Omit<ExampleVersion, 'inputs' | 'outputs'> {
  return {
    id,
    externalId: null,
    metadata: null,
    splits: baseSplits,
    archived: false,
    sourceTraceId: null,
    externalSourceTraceId: null,
    sourceRunId: null,
    externalSourceRunId: null,
  }
}
