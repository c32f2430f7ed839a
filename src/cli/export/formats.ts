import { csvCell } from '../../domain/csv-cell.ts'
import type { Cell, Column } from './columns.ts'
import type { OutputFile } from './output-file.ts'
import { parquetWriter } from './parquet.ts'
import type { RowWriter } from './row-writer.ts'

export const formats = ['csv', 'jsonl', 'parquet'] as const

export type Format = (typeof formats)[number]

export function createWriter(
  format: Format,
  columns: readonly Column[],
  file: OutputFile,
): Promise<RowWriter> {
  switch (format) {
    case 'csv':
      return csvWriter(columns, file)
    case 'jsonl':
      return jsonlWriter(columns, file)
    case 'parquet':
      return parquetWriter(columns, file)
  }
}

const encoder = new TextEncoder()
const batchLength = 100_000

/** Joins small texts, so that not every row is a write. */
function textWriter(file: OutputFile) {
  let text = ''
  return {
    async add(more: string): Promise<void> {
      text += more
      if (text.length >= batchLength) await this.end()
    },
    async end(): Promise<void> {
      const whole = text
      text = ''
      await file.write(encoder.encode(whole))
    },
  }
}

/** CSV (RFC 4180), in which no cell is a formula to a spreadsheet. */
async function csvWriter(columns: readonly Column[], file: OutputFile): Promise<RowWriter> {
  const writer = textWriter(file)
  const line = (cells: readonly Cell[]): string => `${cells.map(csvField).join(',')}\r\n`
  await writer.add(line(columns.map(({ name }) => name)))
  return { write: async (row) => writer.add(line(row)), end: async () => writer.end() }
}

function csvField(cell: Cell): string {
  if (cell === null) return ''
  if (typeof cell === 'number') return String(cell)
  const text = csvCell(cell)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** A JSON object in each line. JSON of clients is part of it as they wrote it, but for line breaks between its tokens. */
async function jsonlWriter(columns: readonly Column[], file: OutputFile): Promise<RowWriter> {
  const writer = textWriter(file)
  const names = columns.map(({ name }) => JSON.stringify(name))
  return {
    write: async (row) => {
      const members = row.map((cell, i) => `${names[i]!}:${jsonOf(cell, columns[i]!)}`)
      await writer.add(`{${members.join(',')}}\n`)
    },
    end: async () => writer.end(),
  }
}

function jsonOf(cell: Cell, { type }: Column): string {
  if (type === 'json' && typeof cell === 'string') return cell.replaceAll(/[\r\n]/g, ' ')
  return JSON.stringify(cell)
}
