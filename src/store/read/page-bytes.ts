import { raw, type Sql } from 'sql-template-tag'

/** So much of payloads, as they are stored, is read for one page; its first row is read even when it has more. */
export const pageBytes = 4 * 1024 ** 2

/** What columns take as they are stored, which is known without reading them. */
export function storedBytesSql(...columns: string[]): Sql {
  return raw(columns.map((column) => `coalesce(pg_column_size(${column}), 0)`).join(' + '))
}
