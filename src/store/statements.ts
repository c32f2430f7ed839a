import { readdirSync, readFileSync } from 'node:fs'
import type postgres from 'postgres'
import type { Sql } from 'sql-template-tag'
import type { Db, Queryable } from './pool.ts'
import type { BinaryParameter } from './text-array.ts'

/** A value for `$n`. Arrays are meant for `unnest`. */
export type Parameter =
  | string
  | number
  | boolean
  | null
  | Uint8Array
  | BinaryParameter
  | readonly (string | number | boolean | null)[]

/**
 * The tenant where rows are looked up by a key: statements write it like this, and not as `$1`. Postgres plans for the
 * value of a parameter, and of a tenant that the statistics of a table do not name yet it expects no rows. Then all indexes
 * that begin with the tenant look alike, and for each key it may read all that the tenant has. Of a value that it
 * cannot see when it plans, it expects what an average tenant has. Where an average tenant has next to nothing, that is no
 * better, and then the tenant is sent as `$1` (SentForm).
 *
 * Only where the plan cannot be another for a tenant that has nearly all rows, beside many that have few:
 * - inside a fence, `cross join lateral (select … offset 0)`, or a scalar subquery for each row, that looks up a key which
 *   few rows share, such as an id;
 * - in a statement that asks one table for one such key.
 * Anywhere else (joins of many rows without a fence, `exists` that may become a join, `= any (list)`, updates and deletions by a list) it stays `$1`: a large tenant
 * would be taken for an average one, and all of its rows be read first. Nor with a tenant alone, or a column of few
 * values: `exists` or `limit` would seem to find it anywhere, and read the whole table where the tenant has none.
 */
const lookedUpTenant = '(select $1::uuid)'

/**
 * The tenant of rows that are updated by keys which are joined as `given`. A table that is updated cannot be fenced. This is
 * known only with a key, so that no plan reads the rows of the tenant first and looks for the keys among them.
 */
const updatedTenant = 'case when given.id is not null then $1::uuid end'

/** How the statements of this process are sent; adapt.ts decides by the statistics of the tables. */
export interface SentForm {
  /**
   * Whether look-ups hide the tenant. Where tables are spread over nodes they must not: a statement is sent to the node of the
   * tenant only if it names it as `$1`.
   */
  hidesTenant: boolean
  /** Whether the look-ups of a batch keep one generic plan. */
  keepsPlans: boolean
}

let sent: SentForm = { hidesTenant: false, keepsPlans: false }

export function setSentForm(form: SentForm): void {
  sent = form
}

export function sentForm(): SentForm {
  return sent
}

/** Returns the text of a look-up that names the tenant as `$1`. */
export function plainText(text: string): string {
  return text.replaceAll(lookedUpTenant, '$1').replaceAll(updatedTenant, '$1')
}

/** The statements of `sql/` by name. Each begins with a line `-- name: <entity>_<verb>` and ends with a semicolon. */
const statements = readStatements(new URL('./sql/', import.meta.url))
const plainStatements = new Map([...statements].map(([name, text]) => [name, plainText(text)]))

function readStatements(folder: URL): Map<string, string> {
  const texts = new Map<string, string>()
  for (const file of readdirSync(folder)) {
    // Not what an editor leaves beside them.
    if (!/^[a-z-]+\.sql$/.test(file)) continue
    for (const text of readFileSync(new URL(file, folder), 'utf8').split(/^(?=-- name: )/m)) {
      const name = /^-- name: (\w+)\n/.exec(text)?.[1]
      if (name === undefined) throw new TypeError(`${file} does not begin with "-- name: "`)
      if (texts.has(name)) throw new TypeError(`${file}: there is a statement ${name} already`)
      texts.set(name, text)
    }
  }
  return texts
}

/** @throws TypeError when there is no statement of this name */
function statementText(name: string): string {
  const text = (sent.hidesTenant ? statements : plainStatements).get(name)
  if (text === undefined) throw new TypeError(`There is no statement ${name}`)
  return text
}

/** Runs the statement of this name as a prepared statement. The parameters become `$1…$n`. */
export async function runStatement<Row extends object>(
  db: Queryable,
  name: string,
  parameters: Parameter[],
): Promise<Row[]> {
  return runText<Row>(db, statementText(name), parameters)
}

async function runText<Row extends object>(
  db: Queryable,
  text: string,
  parameters: Parameter[],
  { isPrepared, each, limit }: RunOptions & { each?: (row: Row) => void } = { isPrepared: true },
): Promise<Row[]> {
  const start: StartQuery<Row> = (on = db) => {
    const query = on.unsafe<Row[]>(text, parameters as postgres.ParameterOrJSON<never>[], {
      prepare: isPrepared,
      simple: false,
      limit: mayTakeMinutes(text) ? 'long' : limitsMs.get(db),
    })
    // It returns the query itself, which may still be cancelled.
    if (each !== undefined) void query.forEach(each)
    return query
  }
  const runner = runners.get(db)
  if (runner === undefined) return start()
  return runner(start, { limit, onlyReads: onlyReads(text), isStream: each !== undefined })
}

/** Statements of requests that have a shorter limit than others (RequestLimits). */
export type StatementKind = 'list' | 'count' | 'statistics'

export interface RunOptions {
  /**
   * True where there are few different texts; false where every filter makes a new text, because a connection keeps every
   * statement that it has prepared.
   */
  isPrepared: boolean
  limit?: StatementKind | undefined
}

/** @param on where, when that is not the pool that was asked */
type StartQuery<Row extends object> = (on?: Queryable) => postgres.PendingQuery<Row[]>

export interface QueryFacts {
  limit: StatementKind | undefined
  onlyReads: boolean
  /** Its rows are handed over as they come. */
  isStream: boolean
}

/** Decides when a query starts, and when it has to end. */
export type QueryRunner = <Row extends object>(
  start: StartQuery<Row>,
  facts: QueryFacts,
) => Promise<Row[]>

const runners = new WeakMap<object, QueryRunner>()

/** Makes all statements of a pool go through `runner`, but for those of its transactions. */
export function setQueryRunner(db: Db, runner: QueryRunner): void {
  runners.set(db, runner)
}

export function queryRunnerOf(db: Db): QueryRunner | undefined {
  return runners.get(db)
}

/** True when the header says so. */
function onlyReads(text: string): boolean {
  return /^(?:\s*--.*\n)*?\s*--.*\bReads only\.\n/.test(text)
}

/** True when a line of the header says so: such a statement has a longer limit (StatementLimits). */
function mayTakeMinutes(text: string): boolean {
  return /^\s*(?:--.*\n)*?-- May take minutes\.\n/.test(text)
}

/** How long statements of a transaction may go without an answer, where that is not what their pool says. */
const limitsMs = new WeakMap<Queryable, number>()

/** Sets how long each further statement of a transaction may take, and a second later it is given up: a coordinator whose node hangs, hangs too. */
export async function statementTimeoutUpdate(transaction: Queryable, ms: number): Promise<void> {
  limitsMs.set(transaction, ms + 1000)
  await runStatement(transaction, 'statement_timeout_update', [String(ms)])
}

/** Whether statements keep one plan, for the rest of a transaction. */
export type PlanMode = 'auto' | 'force_generic_plan' | 'force_custom_plan'

export async function planModeUpdate(transaction: Queryable, mode: PlanMode): Promise<void> {
  await runStatement(transaction, 'plan_mode_update', [mode])
}

/**
 * The plans of look-ups by keys. They are made anew while tables are small: on empty tables all indexes of a tenant look
 * alike. Later, one is kept: each key is looked up by itself, however many there are.
 */
export function lookUpMode(): PlanMode {
  return sent.keepsPlans ? 'force_generic_plan' : 'force_custom_plan'
}

/**
 * Like Promise.all, but fails only when all have ended: nothing may be sent for a transaction that was rolled back
 * meanwhile.
 */
export async function allOf<T extends readonly unknown[]>(
  promises: T,
): Promise<{ -readonly [P in keyof T]: Awaited<T[P]> }> {
  await Promise.allSettled(promises)
  return Promise.all(promises)
}

/** A placeholder for the tenant in a composed statement. It becomes `$1` wherever it is used. */
export const tenant = Symbol('tenant')

/** The same where rows are looked up by a key: it becomes `(select $1::uuid)` (lookedUpTenant). */
export const anyTenant = Symbol('tenant of a look-up')

/**
 * Runs a statement that is composed at run time. Like the statements of `sql/`, it begins with a line `-- name: …` and
 * a header that states its purpose and either what a repeat does or that it only reads (test/store/statements.test.ts).
 * @param tenantId null when the statement concerns all tenants and does not use `tenant`
 * @throws TypeError when the statement has no name
 */
export async function runComposed<Row extends object>(
  db: Queryable,
  tenantId: string | null,
  statement: Sql,
  options: RunOptions = { isPrepared: true },
): Promise<Row[]> {
  const { text, parameters } = bindTenant(statement, tenantId)
  return runText<Row>(db, named(text), parameters, options)
}

/**
 * Runs a composed statement and hands over each row as it arrives, so that the rows need not fit into memory.
 * @param each must not throw
 */
export async function streamComposed(
  db: Queryable,
  tenantId: string,
  statement: Sql,
  each: (row: Record<string, unknown>) => void,
): Promise<void> {
  const { text, parameters } = bindTenant(statement, tenantId)
  await runText<Record<string, unknown>>(db, named(text), parameters, { isPrepared: true, each })
}

/**
 * Runs, as a prepared statement, a text that is generated once and kept. The parameters become `$1…$n`. The text begins
 * with a name and a header, like that of a composed statement.
 * @throws TypeError when the statement has no name
 */
export async function runGenerated<Row extends object>(
  db: Queryable,
  text: string,
  parameters: Parameter[],
): Promise<Row[]> {
  return runText<Row>(db, named(text), parameters)
}

function named(text: string): string {
  if (!/^\s*-- name: \w+\n/.test(text)) throw new TypeError('a composed statement has no name')
  return text
}

/** Returns the text with the tenant as `$1` and the other values after it. */
function bindTenant(
  { strings, values }: Sql,
  tenantId: string | null,
): { text: string; parameters: Parameter[] } {
  const parameters: Parameter[] = tenantId === null ? [] : [tenantId]
  const place = (value: unknown) =>
    value === tenant
      ? '$1'
      : value === anyTenant
        ? sent.hidesTenant
          ? lookedUpTenant
          : '$1'
        : `$${parameters.push(value as Parameter)}`
  const text = strings.reduce((whole, piece, index) => whole + place(values[index - 1]) + piece)
  return { text, parameters }
}
