import { pipeline, Readable } from 'node:stream'
import { stringify } from 'csv-stringify'
import { RawJson, sliceMembers } from '../../../domain/json.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Db } from '../../../store/pool.ts'
import { exampleListKeys, type ExamplePart } from '../../../store/read/datasets/examples.ts'
import { exampleFromRow } from '../examples/example-from-row.ts'
import { examplesAt } from '../examples/example-stream.ts'

/** Each part of an example, and the key of a value that is no object (see `objectText`). */
const parts: readonly (readonly [part: ExamplePart, single: string])[] = [
  ['inputs', 'input'],
  ['outputs', 'output'],
  ['metadata', 'metadata'],
]

/**
 * A dataset as CSV (RFC 4180), written as fast as it is read: `id`, then a column per key, called `inputs.<key>`,
 * `outputs.<key>` or `metadata.<key>`. Strings stand as they are, other values as JSON; what an example does not have is
 * an empty field.
 */
export async function datasetCsv(
  db: Db,
  tenantId: string,
  datasetId: string,
  time: Timestamp,
): Promise<Readable> {
  const columns: [part: ExamplePart, key: string][] = []
  for (const [part, single] of parts) {
    const asked = { tenantId, filter: { datasetId, archived: false }, asOf: time }
    const keys = new Set(await exampleListKeys(db, asked, part, single))
    if (part === 'metadata') keys.add('dataset_split')
    for (const key of keys) columns.push([part, key])
  }
  async function* records(): AsyncGenerator<string[]> {
    yield ['id', ...columns.map(([part, key]) => `${part}.${key}`)]
    for await (const row of examplesAt(db, tenantId, datasetId, time)) {
      const example = exampleFromRow(row)
      const members = {
        inputs: membersOf(example.inputs),
        outputs: membersOf(example.outputs),
        metadata: membersOf(example.metadata),
      }
      yield [row.id, ...columns.map(([part, key]) => fieldOf(members[part].get(key)))]
    }
  }
  const writer = stringify({ record_delimiter: 'windows', quote_record_delimiter: true })
  // A failure on either side destroys both; whoever reads the writer sees it.
  pipeline(Readable.from(records()), writer, () => {})
  return writer
}

function membersOf(value: unknown): ReadonlyMap<string, string> {
  return value instanceof RawJson ? sliceMembers(value.text) : new Map()
}

function fieldOf(text: string | undefined): string {
  if (text === undefined || text === 'null') return ''
  return text.startsWith('"') ? (JSON.parse(text) as string) : text
}
