import { pipeline, type Readable } from 'node:stream'
import { stringify } from 'csv-stringify'
import { sliceMembers } from '../../../domain/json.ts'
import { RawJson } from '../../../domain/raw-json.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Db } from '../../../store/pool.ts'
import { exampleListKeys, type ExampleJsonField } from '../../../store/read/datasets/examples.ts'
import { exampleFromRow } from '../examples/example-from-row.ts'
import { examplesAt } from '../examples/example-stream.ts'
import { streamOf } from '../../reads.ts'
import { csvCell } from '../../../domain/csv-cell.ts'

/** The fields that are spread over columns, and the key for a value that is not an object (see `objectText`). */
const fields: readonly (readonly [field: ExampleJsonField, single: string])[] = [
  ['inputs', 'input'],
  ['outputs', 'output'],
  ['metadata', 'metadata'],
]

/**
 * A dataset as CSV (RFC 4180), as a stream that reads only as fast as it is written. The columns are `id` and one for
 * each key that occurs, called `inputs.<key>`, `outputs.<key>` or `metadata.<key>`. Strings are written as they are and
 * other values as JSON (see `csvCell` for formulas). Where an example lacks a key, the field is empty.
 */
export async function datasetCsv(
  db: Db,
  tenantId: string,
  datasetId: string,
  time: Timestamp,
): Promise<Readable> {
  const columns: [field: ExampleJsonField, key: string][] = []
  for (const [field, single] of fields) {
    const asked = { tenantId, filter: { datasetId, archived: false }, asOf: time }
    const keys = new Set(await exampleListKeys(db, asked, field, single))
    if (field === 'metadata') keys.add('dataset_split')
    for (const key of keys) columns.push([field, key])
  }
  async function* records(): AsyncGenerator<string[]> {
    yield ['id', ...columns.map(([field, key]) => `${field}.${key}`)]
    for await (const row of examplesAt(db, tenantId, datasetId, time)) {
      const example = exampleFromRow(row)
      const members = {
        inputs: membersOf(example.inputs),
        outputs: membersOf(example.outputs),
        metadata: membersOf(example.metadata),
      }
      yield [row.id, ...columns.map(([field, key]) => cellOf(members[field].get(key)))]
    }
  }
  const writer = stringify({ record_delimiter: 'windows', quote_record_delimiter: true })
  // A failure of the reads destroys the writer, so whoever reads from the writer gets the error.
  pipeline(streamOf(records()), writer, () => {})
  return writer
}

function membersOf(value: unknown): ReadonlyMap<string, string> {
  return value instanceof RawJson ? sliceMembers(value.text) : new Map()
}

function cellOf(text: string | undefined): string {
  if (text === undefined || text === 'null') return ''
  return csvCell(text.startsWith('"') ? (JSON.parse(text) as string) : text)
}
