// npm run db:migrate: migrates DATABASE_URL without starting anything. Every start of Runmill does so too.
import { readConfig } from '../src/config.ts'
import { migrate, SchemaTooNewError } from '../src/store/migrate.ts'
import { closePool, openPool } from '../src/store/pool.ts'
import { findPooler } from '../src/store/pooler.ts'

const { databaseUrl } = readConfig()
if (databaseUrl === null) {
  console.error('runmill: Set DATABASE_URL; the embedded database is migrated by npm start.')
  process.exit(1)
}
const db = openPool(databaseUrl, { max: 1, pooler: await findPooler(databaseUrl) })
try {
  await migrate(db)
} catch (error) {
  if (!(error instanceof SchemaTooNewError)) throw error
  console.error(`runmill: ${error.message}`)
  process.exitCode = 1
} finally {
  await closePool(db)
}
