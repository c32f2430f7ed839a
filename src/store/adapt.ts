import type { Db, Queryable } from './pool.ts'
import { sentForm, setSentForm } from './statements.ts'

/** Tables that are looked up by a key in statements that may hide the tenant. */
const lookedUp = ['runs', 'traces', 'feedback', 'run_items', 'trace_aggregates', 'examples']

/**
 * Fewer rows of an average tenant than this, and all indexes that begin with the tenant look alike to the planner. Then it would
 * read all rows of a tenant that has many.
 */
const leastRowsPerTenant = 100
/** What is hidden stays so down to that part of it: each change prepares every statement anew. */
const staysAbove = 0.5
/** Tables with fewer rows than this do no harm. */
const fewRows = 1000
/** A plan that was made while a table had few rows would be kept. */
const leastRowsForKeptPlans = 10_000

const everyMs = 15_000

/** Sends the statements of this process from now on as the statistics of the tables ask for. */
export async function adaptStatements(db: Queryable): Promise<void> {
  const tables = await db<{ name: string; rows: number; perTenant: number }[]>`
    select c.relname as name, c.reltuples as rows, c.reltuples / greatest(1,
      case when s.n_distinct < 0 then -s.n_distinct * c.reltuples else s.n_distinct end) as per_tenant
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    join pg_stats as s on s.schemaname = n.nspname and s.tablename = c.relname
    where c.relname = any (${lookedUp}) and c.relkind = 'r' and pg_table_is_visible(c.oid)
      and s.attname = 'tenant_id' and not s.inherited
      -- The coordinator of a cluster sends a statement to the node of the tenant only if it names it as a parameter.
      and to_regclass('pg_dist_partition') is null`
  const first = tables.filter(({ name }) => name === 'runs' || name === 'traces')
  const least = sentForm().hidesTenant ? leastRowsPerTenant * staysAbove : leastRowsPerTenant
  const hidesTenant =
    first.length === 2 &&
    first.every(({ perTenant }) => perTenant >= least) &&
    tables.every(({ rows, perTenant }) => rows < fewRows || perTenant >= least)
  const keepsPlans = hidesTenant && first.every(({ rows }) => rows >= leastRowsForKeptPlans)
  setSentForm({ hidesTenant, keepsPlans })
}

/** Does so now and from time to time. @returns what ends that */
export async function startAdapting(db: Db): Promise<() => void> {
  let timer: NodeJS.Timeout | undefined
  let isStopped = false
  const later = (): void => {
    timer = setTimeout(() => {
      // While Postgres is away, statements are as they were.
      void adaptStatements(db)
        .catch(() => {})
        .finally(() => {
          if (!isStopped) later()
        })
    }, everyMs)
    timer.unref()
  }
  await adaptStatements(db)
  later()
  return () => {
    isStopped = true
    clearTimeout(timer)
  }
}
