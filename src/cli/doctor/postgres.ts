import postgres from 'postgres'
import { describeError, type Finding, megabytes } from './finding.ts'

/** Settings that, when they are off, lose what was committed. */
const durable: Readonly<Record<string, string>> = {
  fsync: 'a crash of the machine may lose or damage all data',
  full_page_writes: 'a crash of the machine may damage pages that were half written',
  synchronous_commit: 'a crash of Postgres loses what was committed just before',
}

const fewConnections = 60

/** Looks at a Postgres: what may lose data, versions, sizes, and what is slow. It changes nothing. */
export async function examinePostgres(url: string): Promise<Finding[]> {
  const sql = postgres(url, { max: 1, connect_timeout: 10, idle_timeout: 5, onnotice: () => {} })
  try {
    const [server] = await sql<{ version: string }[]>`
      select current_setting('server_version') as version`
    return [
      { name: 'postgres', level: 'ok', message: `Postgres ${server!.version} answers` },
      ...(await settingsOf(sql)),
      ...(await contentsOf(sql)),
      ...(await sizesOf(sql)),
      ...(await slowestOf(sql)),
    ]
  } catch (error) {
    return [
      {
        name: 'postgres',
        level: 'unreachable',
        message: `Postgres does not answer: ${describeError(error)}`,
        advice: 'Check DATABASE_URL, and whether the server runs and lets this machine in.',
      },
    ]
  } finally {
    await sql.end({ timeout: 2 })
  }
}

async function settingsOf(sql: postgres.Sql): Promise<Finding[]> {
  const rows = await sql<{ name: string; setting: string }[]>`
    select name, setting from pg_settings
    where name = any(${[...Object.keys(durable), 'max_connections']}) order by name`
  return rows.map(({ name, setting }): Finding => {
    const found = { name: `postgres.${name}`, message: `${name} is ${setting}` }
    const danger = durable[name]
    if (danger === undefined) {
      if (Number(setting) >= fewConnections) return { ...found, level: 'ok' }
      const advice = `Each process takes up to 31: set max_connections to 31 times their number, and some more.`
      return { ...found, level: 'warning', advice }
    }
    // Any other word than off waits for the disk of this server at least.
    if (setting !== 'off') return { ...found, level: 'ok' }
    return {
      ...found,
      level: 'loses data',
      message: `${found.message}: ${danger}`,
      advice: `Set ${name} to on, in postgresql.conf and for the role and the database of Runmill.`,
    }
  })
}

async function contentsOf(sql: postgres.Sql): Promise<Finding[]> {
  const [there] = await sql<{ runs: boolean }[]>`
    select to_regclass('dead_letters') is not null as runs`
  if (there?.runs !== true) {
    const advice = 'Start Runmill once with this DATABASE_URL, or check the database in it.'
    return [
      {
        name: 'postgres.schema',
        level: 'warning',
        message: 'There is no schema of Runmill',
        advice,
      },
    ]
  }
  const [dead] = await sql<{ count: number; newest: Date | null }[]>`
    select count(*)::int as count, max(received_at) as newest from dead_letters`
  const [marks] = await sql<{ count: number }[]>`
    select count(*)::int as count from (select 1 from dirty_traces limit 100000) as marks`
  const { count, newest } = dead!
  return [
    count === 0
      ? {
          name: 'postgres.dead_letters',
          level: 'ok',
          message: 'No event was refused by the database',
        }
      : {
          name: 'postgres.dead_letters',
          level: 'warning',
          message: `${count} events were refused by the database, the last one at ${newest?.toISOString()}`,
          advice:
            'Read the reasons in the table dead_letters: select kind, reason, event from dead_letters.',
        },
    {
      name: 'postgres.marks',
      level: marks!.count >= 100_000 ? 'warning' : 'ok',
      message: `${marks!.count} traces wait for their aggregates`,
      ...(marks!.count >= 100_000
        ? { advice: 'Start more workers, or look why they are slow.' }
        : {}),
    },
  ]
}

async function sizesOf(sql: postgres.Sql): Promise<Finding[]> {
  const distributed = await distributedSizesOf(sql)
  const rows = await sql<{ name: string; bytes: string; rows: string; dead: string }[]>`
    select relname as name, pg_total_relation_size(relid) as bytes, n_live_tup as rows, n_dead_tup as dead
    from pg_stat_user_tables where relid <> all(${distributed.map(({ id }) => id)}::oid[])
    order by pg_total_relation_size(relid) desc, relname limit 8`
  const own = rows.map(({ name, bytes, rows: live, dead }) => {
    const message = `${name}: ${megabytes(Number(bytes))}, ${live} rows, ${dead} dead`
    const isBloated = Number(dead) > 100_000 && Number(dead) > Number(live)
    const finding: Finding = {
      name: `postgres.size.${name}`,
      level: isBloated ? 'warning' : 'note',
      message,
      ...(isBloated
        ? { advice: `Look why autovacuum does not clean it: vacuum verbose ${name}.` }
        : {}),
    }
    return { bytes: Number(bytes), finding }
  })
  const onNodes = distributed.map(({ name, bytes }) => {
    const message = `${name}: ${megabytes(Number(bytes))} on all nodes`
    const finding: Finding = { name: `postgres.size.${name}`, level: 'note', message }
    return { bytes: Number(bytes), finding }
  })
  const largest = [...own, ...onNodes].toSorted((one, other) => other.bytes - one.bytes)
  return largest.slice(0, 8).map(({ finding }) => finding)
}

/** Of tables that Citus spreads over nodes, with all their parts; none where there is no Citus. */
async function distributedSizesOf(sql: postgres.Sql): Promise<DistributedTable[]> {
  const [citus] = await sql<{ isThere: boolean }[]>`
    select to_regclass('pg_dist_partition') is not null as "isThere"`
  if (!citus!.isThere) return []
  return sql<DistributedTable[]>`
    select logicalrelid::oid as id, logicalrelid::text as name,
      citus_total_relation_size(logicalrelid) as bytes
    from pg_dist_partition`
}

interface DistributedTable {
  id: number
  name: string
  bytes: string
}

/** The statements that took the most time in all, where the server counts them. */
async function slowestOf(sql: postgres.Sql): Promise<Finding[]> {
  try {
    const rows = await sql<{ calls: string; mean: number; total: number; query: string }[]>`
      select calls, mean_exec_time as mean, total_exec_time as total, left(query, 200) as query
      from pg_stat_statements
      where dbid = (select oid from pg_database where datname = current_database())
      order by total_exec_time desc limit 5`
    return rows.map(({ calls, mean, total, query }): Finding => {
      const name = /-- name: (\w+)/.exec(query)?.[1] ?? query.replaceAll(/\s+/g, ' ').slice(0, 60)
      const message = `${name}: ${(total / 1000).toFixed(1)} s in ${calls} calls, ${mean.toFixed(1)} ms each`
      return { name: 'postgres.slow', level: 'note', message }
    })
  } catch {
    return [
      {
        name: 'postgres.slow',
        level: 'note',
        message: 'The server does not count its statements',
        advice:
          'To see the slowest ones, add pg_stat_statements to shared_preload_libraries and create the extension.',
      },
    ]
  }
}
