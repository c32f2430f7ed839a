// npm run db:migrate: migrates DATABASE_URL without starting anything. Every start of Runmill does so too.
import { ConfigError, readConfig } from './config.ts'
import { migrate, SchemaTooNewError } from './store/migrate.ts'
import { closePool, openPool } from './store/pool.ts'
import { findPooler } from './store/pooler.ts'

async function migrateConfigured(): Promise<void> {
  const { databaseUrl } = readConfig()
  if (databaseUrl === null) {
    throw new ConfigError('Set DATABASE_URL; the embedded database is migrated by npm start.')
  }
  const db = openPool(databaseUrl, { max: 1, pooler: await findPooler(databaseUrl) })
  try {
    await migrate(db)
  } finally {
    await closePool(db)
  }
}

try {
  await migrateConfigured()
} catch (error) {
  if (!(error instanceof ConfigError) && !(error instanceof SchemaTooNewError)) throw error
  console.error(`runmill: ${error.message}`)
  process.exitCode = 1
}
