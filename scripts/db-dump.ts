// npm run db:dump: writes the schema that the migrations make of an empty database to test/fixtures/schema.sql.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEmbeddedPostgres } from '../src/embedded/postgres.ts'
import { migrate } from '../src/store/migrate.ts'
import { closePool, openPool } from '../src/store/pool.ts'
import { dumpSchema } from './schema-dump.ts'

const target = new URL('../test/fixtures/schema.sql', import.meta.url)
const dataDir = await mkdtemp(join(tmpdir(), 'runmill-dump-'))
const embedded = createEmbeddedPostgres({ dataDir, settings: { fsync: 'off' } })
try {
  const db = openPool(await embedded.start(), { max: 2 })
  await migrate(db)
  await mkdir(new URL('.', target), { recursive: true })
  await writeFile(target, await dumpSchema(db))
  await closePool(db)
  console.log('wrote test/fixtures/schema.sql')
} finally {
  await embedded.stop()
  await rm(dataDir, { recursive: true, force: true })
}
