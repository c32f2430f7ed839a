import { ByteWriter, ParquetWriter, type SchemaElement } from 'hyparquet-writer'
import type { Cell, Column, ColumnType } from './columns.ts'
import type { OutputFile } from './output-file.ts'
import type { RowWriter } from './row-writer.ts'

/** A row group is in memory until it is written. */
const groupRows = 10_000
const groupCharacters = 8_000_000

const types: Readonly<Record<ColumnType, Partial<SchemaElement>>> = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  // As text, which DuckDB and pandas read as JSON when they are told to; so every digit of a number stays.
  json: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  number: { type: 'DOUBLE' },
  integer: { type: 'INT64' },
  time: { type: 'INT64', converted_type: 'TIMESTAMP_MICROS' },
}

/** Parquet, compressed by Snappy, with statistics of each row group. */
export async function parquetWriter(
  columns: readonly Column[],
  file: OutputFile,
): Promise<RowWriter> {
  const bytes = new ByteWriter()
  const writer = new ParquetWriter({
    writer: bytes,
    createdBy: 'runmill',
    schema: [
      { name: 'root', num_children: columns.length },
      ...columns.map(({ name, type }) => ({
        name,
        repetition_type: 'OPTIONAL' as const,
        ...types[type],
      })),
    ],
  })
  const take = async (): Promise<void> => {
    // A copy: the writer goes on in the same memory.
    const written = bytes.getBytes().slice()
    bytes.index = 0
    await file.write(written)
  }
  let group: unknown[][] = columns.map(() => [])
  let characters = 0
  const writeGroup = async (): Promise<void> => {
    if (group[0]!.length === 0) return
    await writer.write({
      columnData: columns.map(({ name }, i) => ({ name, data: group[i]! })),
      rowGroupSize: groupRows,
    })
    group = columns.map(() => [])
    characters = 0
    await take()
  }
  return {
    write: async (row) => {
      for (const [i, cell] of row.entries()) {
        group[i]!.push(valueOf(cell, columns[i]!.type))
        if (typeof cell === 'string') characters += cell.length
      }
      if (group[0]!.length >= groupRows || characters >= groupCharacters) await writeGroup()
    },
    end: async () => {
      await writeGroup()
      await writer.finish()
      await take()
    },
  }
}

function valueOf(cell: Cell, type: ColumnType): Cell | bigint {
  if (cell === null) return null
  if (type === 'integer') return BigInt(cell)
  return type === 'time' ? microsOf(String(cell)) : cell
}

/** Microseconds since 1970 of an ISO 8601 text. */
function microsOf(time: string): bigint {
  const fraction = /\.(\d+)/.exec(time)?.[1] ?? ''
  const whole = BigInt(Date.parse(time.replace(/\.\d+/, ''))) * 1000n
  return whole + BigInt(fraction.padEnd(6, '0').slice(0, 6))
}
