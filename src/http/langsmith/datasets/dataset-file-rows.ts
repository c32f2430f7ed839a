import { pipeline, Readable } from 'node:stream'
import { CsvError, parse } from 'csv-parse'
import type { JsonText } from '../../../domain/entities.ts'
import { isTooDeep, sliceMembers } from '../../../domain/json.ts'
import type { ExampleVersion } from '../../../store/write/examples.ts'
import { invalid } from '../errors.ts'
import { newVersion } from '../examples/example-writes.ts'
import { joinMembers } from '../object-text.ts'
import type { ColumnNames, UploadColumns, UploadedFile } from './dataset-file-form.ts'

/** Examples that are written together: few enough for one statement, enough that round trips hardly count. */
const batchSize = 500

/**
 * Reads the examples of a CSV (RFC 4180) or JSON Lines file, batch by batch. Cells of a CSV become strings. Values of
 * JSON Lines stay as they are, and a line may lack some of the columns.
 * @throws LangsmithError 422 that names the line that cannot be read, or the column that the CSV lacks
 */
export async function* readExamples(
  file: UploadedFile,
  columns: UploadColumns,
): AsyncGenerator<ExampleVersion[]> {
  const wanted = [columns.inputs, columns.outputs, columns.metadata].flatMap((names) => [
    ...names.keys(),
  ])
  const rows = isJsonLines(file) ? jsonRows(file.bytes) : csvRows(file.bytes, wanted)
  let batch: ExampleVersion[] = []
  for await (const row of rows) {
    batch.push(exampleOf(row, columns))
    if (batch.length < batchSize) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

/** The name of the file decides, or else its content type. */
function isJsonLines({ name, contentType }: UploadedFile): boolean {
  if (/\.(?:jsonl|ndjson)$/i.test(name)) return true
  return !/\.csv$/i.test(name) && /jsonl|ndjson|json-lines|x-jsonlines/i.test(contentType ?? '')
}

/** The JSON text of each column. */
type Row = ReadonlyMap<string, JsonText>

async function* csvRows(bytes: Buffer, wanted: string[]): AsyncGenerator<Row> {
  const parser = parse({ bom: true, skip_empty_lines: true })
  pipeline(Readable.from(piecesOf(bytes)), parser, () => {})
  let header: string[] | null = null
  try {
    for await (const record of parser as AsyncIterable<string[]>) {
      if (header === null) {
        header = record
        const missing = wanted.find((column) => !record.includes(column))
        if (missing === undefined) continue
        throw invalid(
          ['body', 'file'],
          `The file has no column ${JSON.stringify(missing.slice(0, 200))}`,
        )
      }
      yield new Map(header.map((column, i) => [column, JSON.stringify(record[i] ?? '')]))
    }
  } catch (error) {
    if (error instanceof CsvError) throw invalid(['body', 'file'], error.message)
    throw error
  }
  if (header === null) throw invalid(['body', 'file'], 'The file is empty')
}

function* piecesOf(bytes: Buffer): Generator<Buffer> {
  const size = 65_536
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function* jsonRows(bytes: Buffer): AsyncGenerator<Row> {
  let number = 0
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf(0x0a, start)
    const end = newline === -1 ? bytes.length : newline
    number++
    // Some editors write a byte order mark, which JSON does not allow.
    const line = bytes
      .toString('utf8', start, end)
      .replace(/^\ufeff/, '')
      .trim()
    start = end + 1
    if (line === '') continue
    if (!isJsonObject(line))
      throw invalid(['body', 'file', number], `Line ${number} is no JSON object`)
    yield sliceMembers(line)
  }
}

function isJsonObject(line: string): boolean {
  if (!line.startsWith('{') || isTooDeep(line)) return false
  try {
    JSON.parse(line)
    return true
  } catch {
    return false
  }
}

/** Without output columns an example has null outputs, not an empty object. */
function exampleOf(row: Row, { inputs, outputs, metadata }: UploadColumns): ExampleVersion {
  const members = new Map([['inputs', pick(row, inputs)]])
  if (outputs.size > 0) members.set('outputs', pick(row, outputs))
  if (metadata.size > 0) members.set('metadata', pick(row, metadata))
  return newVersion({ members, loc: ['body', 'file'] })
}

function pick(row: Row, columns: ColumnNames): JsonText {
  const picked = new Map<string, JsonText>()
  for (const [column, key] of columns) {
    const value = row.get(column)
    if (value !== undefined) picked.set(key, value)
  }
  return joinMembers(picked)
}
