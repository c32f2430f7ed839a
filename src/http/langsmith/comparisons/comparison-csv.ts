import { pipeline, type Readable } from 'node:stream'
import { stringify } from 'csv-stringify'
import { RawJson, stringifyWithRaw } from '../../../domain/raw-json.ts'
import type {
  ComparedExperiment,
  ComparedRun,
  ComparisonRow,
} from '../../../store/read/comparison/comparison.ts'
import { exampleFromRow } from '../examples/example-from-row.ts'
import { latencyOf, runFields } from '../runs/run-from-row.ts'
import { streamOf } from '../../reads.ts'
import { csvCell } from '../../../domain/csv-cell.ts'

/** One experiment's columns. */
export interface CsvExperiment extends ComparedExperiment {
  feedbackKeys: string[]
}

const runColumns = ['outputs', 'status', 'error', 'latency', 'total_tokens', 'total_cost', 'run_id']

/**
 * The comparison as CSV (RFC 4180), as a stream that reads only as fast as it is written (contracts/langsmith.md 2.1).
 * A line holds an example, then for each experiment its run and a score for each feedback key. With several experiments
 * these columns are called `<experiment>.<column>`. Each repetition of an example has a line of its own. JSON is
 * written as it was sent, an absent value as an empty field, and a formula as text (`csvCell`). In a preview the outputs are their previews.
 */
export function comparisonCsv(
  pages: AsyncIterable<ComparisonRow[]>,
  experiments: CsvExperiment[],
): Readable {
  const writer = stringify({ record_delimiter: 'windows', quote_record_delimiter: true })
  // A failure of the reads destroys the writer, so whoever reads from the writer gets the error.
  pipeline(streamOf(recordsOf(pages, experiments)), writer, () => {})
  return writer
}

async function* recordsOf(
  pages: AsyncIterable<ComparisonRow[]>,
  experiments: CsvExperiment[],
): AsyncGenerator<string[]> {
  yield headerOf(experiments).map(csvCell)
  for await (const rows of pages) {
    for (const row of rows) {
      for (const record of recordsOfExample(row, experiments)) yield record.map(csvCell)
    }
  }
}

function headerOf(experiments: CsvExperiment[]): string[] {
  const prefixOf = (experiment: CsvExperiment) =>
    experiments.length === 1 ? '' : `${experiment.name}.`
  const columnsOf = (experiment: CsvExperiment, columns: string[]) =>
    columns.map((column) => `${prefixOf(experiment)}${column}`)
  return [
    'example_id',
    'example_name',
    'inputs',
    'reference_outputs',
    'metadata',
    ...experiments.flatMap((experiment) => columnsOf(experiment, runColumns)),
    ...experiments.flatMap((experiment) => columnsOf(experiment, experiment.feedbackKeys)),
  ]
}

function* recordsOfExample(
  { example, runs }: ComparisonRow,
  experiments: CsvExperiment[],
): Generator<string[]> {
  const fields = exampleFromRow(example)
  const runsOf = experiments.map(({ id }) =>
    runs.filter(({ run }) => run.experimentId === id).map(({ run }) => run),
  )
  const lines = Math.max(0, ...runsOf.map((own) => own.length))
  for (let line = 0; line < lines; line++) {
    yield [
      example.id,
      textOf(fields.name),
      textOf(fields.inputs),
      textOf(fields.outputs),
      textOf(fields.metadata),
      ...runsOf.flatMap((own) => runRecord(own[line])),
      ...experiments.flatMap((experiment, i) =>
        scoresOf(own(runsOf, i, line), experiment.feedbackKeys),
      ),
    ]
  }
}

function own(runsOf: ComparedRun[][], experiment: number, line: number): ComparedRun | undefined {
  return runsOf[experiment]?.[line]
}

function runRecord(run: ComparedRun | undefined): string[] {
  if (run === undefined) return runColumns.map(() => '')
  const fields = runFields(run)
  const outputs = fields.outputs ?? run.outputsPreview
  return [
    textOf(outputs),
    run.status,
    textOf(fields.error),
    textOf(latencyOf(run)),
    textOf(run.totalTokens),
    textOf(run.totalCost),
    run.id,
  ]
}

interface FeedbackStats {
  n: number
  avg: number | null
  values: Record<string, number>
}

/** For each key: the mean score, or else the label, or else how often each label was given. */
function scoresOf(run: ComparedRun | undefined, keys: string[]): string[] {
  const stats = JSON.parse(run?.feedbackStats ?? '{}') as Record<string, FeedbackStats>
  return keys.map((key) => {
    const own = Object.hasOwn(stats, key) ? stats[key] : undefined
    if (own === undefined) return ''
    if (own.avg !== null) return String(own.avg)
    const labels = Object.keys(own.values)
    if (labels.length === 0) return ''
    return labels.length === 1 ? labels[0]! : JSON.stringify(own.values)
  })
}

/** A CSV field: text as it is, JSON as JSON, except that a JSON string (such as an error) becomes its text. */
function textOf(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'string') return value
  if (value instanceof RawJson && value.text.trimStart().startsWith('"')) {
    return JSON.parse(value.text) as string
  }
  return stringifyWithRaw(value)
}
