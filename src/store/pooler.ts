import postgres from 'postgres'

/**
 * What stands before Postgres and lends its connections out for a transaction at a time, as PgBouncer does in transaction
 * mode: settings, prepared statements, locks of sessions and LISTEN end with the transaction, or reach somebody else.
 */
export interface Pooler {
  /** Whether it prepares the statements of its clients on whichever connection they get (PgBouncer 1.21 and newer). */
  keepsStatements: boolean
}

/**
 * Finds out whether a pooler answers at this address. Postgres takes any setting that a connection begins with; a pooler
 * refuses those that it cannot keep, or leaves them out. One in session mode is taken for a pooler as well.
 * @param url as openPool takes it
 * @throws what the driver throws when nobody answers
 */
export async function findPooler(url: string): Promise<Pooler | null> {
  const isDirect = await ask(
    url,
    { 'runmill.is_direct': 'yes' },
    (sql) => sql`select current_setting('runmill.is_direct', true) = 'yes' as yes`,
  ).catch((error: unknown) => {
    if (error instanceof Error && error.message.includes('runmill.is_direct')) return false
    throw error
  })
  if (isDirect) return null
  // This statement is prepared. It finds itself, by the name that a pooler which keeps statements has given it.
  const keepsStatements = await ask(
    url,
    {},
    (sql) => sql`
      select exists (select from pg_prepared_statements where starts_with(name, 'PGBOUNCER_')) as yes`,
  )
  return { keepsStatements }
}

async function ask(
  url: string,
  settings: Record<string, string>,
  question: (sql: postgres.Sql) => Promise<{ yes: boolean | null }[]>,
): Promise<boolean> {
  const sql = postgres(url, {
    max: 1,
    connect_timeout: 5,
    fetch_types: false,
    onnotice: () => {},
    connection: { application_name: 'runmill', ...settings },
  })
  try {
    return (await question(sql))[0]?.yes === true
  } finally {
    await sql.end({ timeout: 5 })
  }
}
