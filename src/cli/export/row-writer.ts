import type { Cell } from './columns.ts'

/** Writes rows in one format. */
export interface RowWriter {
  write(row: readonly Cell[]): Promise<void>
  /** Writes what is missing at the end; the file stays open. */
  end(): Promise<void>
}
