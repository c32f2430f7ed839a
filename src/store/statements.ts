import { readFileSync } from 'node:fs'
import type postgres from 'postgres'
import type { Queryable } from './pool.ts'

/** A value for `$n`: arrays go to `unnest`. */
export type Parameter =
  | string
  | number
  | boolean
  | null
  | Uint8Array
  | readonly (string | number | boolean | null)[]

const texts = new Map<string, string>()

/** Text of `sql/<name>.sql`, read once. @throws when there is no such statement */
function statementText(name: string): string {
  let text = texts.get(name)
  if (text === undefined) {
    text = readFileSync(new URL(`./sql/${name}.sql`, import.meta.url), 'utf8')
    texts.set(name, text)
  }
  return text
}

/** Runs `sql/<name>.sql` with `$1…$n`, as a prepared statement. */
export async function runStatement<Row extends object>(
  db: Queryable,
  name: string,
  parameters: Parameter[],
): Promise<Row[]> {
  return runText<Row>(db, statementText(name), parameters)
}

/**
 * The same for SQL that is composed at run time.
 * @param isPrepared true where there are few such texts (generated upserts); false where every filter makes a new one,
 * for each connection keeps what it has prepared
 */
export async function runText<Row extends object>(
  db: Queryable,
  text: string,
  parameters: Parameter[],
  { isPrepared }: { isPrepared: boolean } = { isPrepared: true },
): Promise<Row[]> {
  return db.unsafe<Row[]>(text, parameters as postgres.ParameterOrJSON<never>[], {
    prepare: isPrepared,
  })
}
