import { expect, test } from 'vitest'
import { closePool, openPool } from '../../src/store/pool.ts'
import { createTestDatabase } from '../support/postgres.ts'

test('payloads are compressed by lz4 where the server has it, and by its own method elsewhere', async () => {
  const database = await createTestDatabase()
  const db = openPool(database.url, { max: 1 })
  const [server] = await db<{ hasLz4: boolean }[]>`
    select 'lz4' = any (enumvals) as has_lz4 from pg_settings where name = 'default_toast_compression'`
  const columns = await db<{ name: string; method: string }[]>`
    select attrelid::regclass || '.' || attname as name, attcompression::text as method from pg_attribute
    where attrelid in ('runs'::regclass, 'traces'::regclass) and attname in ('inputs', 'outputs', 'metadata')
    order by 1`
  expect(columns.map(({ name }) => name)).toEqual([
    'runs.inputs',
    'runs.metadata',
    'runs.outputs',
    'traces.inputs',
    'traces.metadata',
    'traces.outputs',
  ])
  expect(new Set(columns.map(({ method }) => method))).toEqual(new Set([server!.hasLz4 ? 'l' : '']))
  await closePool(db)
  await database.drop()
})
