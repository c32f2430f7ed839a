import { afterEach, expect, inject, test, vi } from 'vitest'
import { distributeCommand } from '../../src/cli/operator/distribute.ts'
import { run } from '../support/command-line.ts'
import { createTestDatabase } from '../support/postgres.ts'

afterEach(() => {
  vi.unstubAllEnvs()
})

test('says what a database without Citus lacks, and on a cluster whose tables are distributed that nothing is left', async () => {
  const database = await createTestDatabase()
  vi.stubEnv('DATABASE_URL', database.url)
  const isCluster = inject('postgres').nodeUrls.length > 0
  expect(await run(distributeCommand, [])).toMatchObject(
    isCluster
      ? { code: 0, printed: 'All tables were distributed already.' }
      : { code: 2, printed: expect.stringContaining('has no extension citus') },
  )
  await database.drop()
})

test('takes no arguments', async () => {
  expect(await run(distributeCommand, ['runs'])).toMatchObject({ code: 64 })
})
