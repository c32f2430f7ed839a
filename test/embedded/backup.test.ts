import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { backupCommand, restoreCommand } from '../../src/cli/operator/backup.ts'
import { closePool, openPool } from '../../src/store/pool.ts'
import { run } from '../support/command-line.ts'
import { startRunmill } from '../support/runmill-process.ts'

let folder: string
let backup: string
const job = fileURLToPath(new URL('../../examples/main-job.mjs', import.meta.url))
const keys = { publicKey: 'pk-rm-of-backup', secretKey: 'sk-rm-of-backup' }

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'runmill-backup-'))
  backup = join(folder, 'backup')
})

afterEach(async () => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  await rm(folder, { recursive: true, force: true })
})

/** Runs the server on a folder of data while `work` goes on. */
async function whileRunning<T>(name: string, work: (url: string) => Promise<T>): Promise<T> {
  const server = startRunmill({
    RUNMILL_DATA_DIR: join(folder, name),
    RUNMILL_INIT_PUBLIC_KEY: keys.publicKey,
    RUNMILL_INIT_SECRET_KEY: keys.secretKey,
  })
  try {
    return await work(await server.ready)
  } finally {
    server.signal('SIGTERM')
    await server.exited
  }
}

/** How many rows each table has, and all that the aggregates hold. */
async function contents(name: string): Promise<unknown[]> {
  const db = openPool(await readFile(join(folder, name, 'url'), 'utf8'), { max: 1 })
  // What marks traces is taken by workers meanwhile, and they note when they last looked.
  const tables = await db.unsafe<object[]>(`
    select table_name, (xpath('/row/n/text()', query_to_xml('select count(*) as n from ' || table_name, false, true, '')))[1]::text as n
    from information_schema.tables
    where table_schema = 'public' and table_type = 'BASE TABLE' and table_name !~ 'dirty|passes'
    order by table_name`)
  const aggregates = await db.unsafe<object[]>(
    `select held::text from experiment_aggregates as held order by 1`,
  )
  await closePool(db)
  return [...tables, ...aggregates]
}

async function command(what: typeof backupCommand, name: string) {
  vi.stubEnv('DATABASE_URL', '')
  vi.stubEnv('RUNMILL_DATA_DIR', join(folder, name))
  return run(what, [backup])
}

test('what the embedded mode has stored is backed up and restored with all that it had', async () => {
  const before = await whileRunning('data', async (url) => {
    const env = {
      ...process.env,
      LANGFUSE_PUBLIC_KEY: keys.publicKey,
      LANGFUSE_SECRET_KEY: keys.secretKey,
    }
    await promisify(execFile)(process.execPath, [job, url], { env })
    const refused = await command(backupCommand, 'data')
    expect(refused).toMatchObject({
      code: 69,
      printed: expect.stringMatching(/is in use .*: stop it/),
    })
    return contents('data')
  })
  expect(before).toContainEqual({ tableName: 'runs', n: expect.stringMatching(/^[1-9]/) })
  expect(await command(backupCommand, 'data')).toMatchObject({ code: 0 })
  expect(await command(backupCommand, 'data')).toMatchObject({
    code: 69,
    printed: `${backup} exists already.`,
  })
  expect(await command(restoreCommand, 'data')).toMatchObject({
    code: 69,
    printed: expect.stringContaining('has data already'),
  })
  expect(await command(restoreCommand, 'restored')).toMatchObject({ code: 0 })
  await whileRunning('restored', async (url) => {
    const headers = { 'x-api-key': keys.secretKey }
    expect((await fetch(`${url}/datasets`, { headers })).status).toBe(200)
    expect(await contents('restored')).toEqual(before)
  })
})

test('a folder that another major version of Postgres made is refused with the commands that move it', async () => {
  const cluster = join(folder, 'data', 'postgres')
  await mkdir(cluster, { recursive: true })
  await writeFile(join(cluster, 'PG_VERSION'), '15\n')
  const refused = startRunmill({ RUNMILL_DATA_DIR: join(folder, 'data') })
  expect(await refused.exited).toBe(1)
  expect(refused.stderr()).toMatch(
    /^runmill: The data in .*postgres is of Postgres 15, and this Runmill comes with Postgres 18: .*pg_dump .*\.\n$/,
  )
})
