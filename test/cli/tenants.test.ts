import { mkdtempSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, inject, test, vi } from 'vitest'
import { keysCommand } from '../../src/cli/operator/keys.ts'
import { tenantsCommand } from '../../src/cli/operator/tenants.ts'
import { deriveId } from '../../src/domain/ids.ts'
import { fromEpochMs } from '../../src/domain/timestamp.ts'
import { ensureGivenKeys } from '../../src/initial-tenant.ts'
import { tenantDelete, tenantTables } from '../../src/store/write/tenants/tenant-deletion.ts'
import { run } from '../support/command-line.ts'
import { feedbackOn, rootRun } from '../support/comparison-rows.ts'
import { harness, type Harness } from '../support/harness.ts'
import { createEmptyDatabase } from '../support/postgres.ts'
import { seedTenant } from '../support/seeded-tenant.ts'

afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
})

const tenants = async (...args: string[]) => run(tenantsCommand, args)
const keys = async (...args: string[]) => run(keysCommand, args)

/** Lets the commands work on the harness's own database and attachments. */
async function operate(h: Harness): Promise<void> {
  const [row] = await h.db<{ name: string }[]>`select current_database() as name`
  const url = new URL(inject('postgres').adminUrl)
  url.pathname = `/${row!.name}`
  vi.stubEnv('DATABASE_URL', url.href)
  const folder = mkdtempSync(join(inject('scratchFolder'), 'operator-'))
  symlinkSync(h.blobFolder, join(folder, 'blobs'))
  vi.stubEnv('RUNMILL_DATA_DIR', folder)
}

async function statusOf(h: Harness, secretKey: string): Promise<number> {
  const headers = { 'x-api-key': secretKey }
  return (await h.app.inject({ method: 'GET', url: '/api/v1/datasets', headers })).statusCode
}

function filesOf(h: Harness, tenantId: string): string[] {
  return readdirSync(h.blobFolder, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile() && join(entry.parentPath, entry.name).includes(tenantId))
    .map((entry) => entry.name)
}

/** How many rows a tenant has in every table of the database that has a tenant. */
async function rowsOf(h: Harness, tenantId: string): Promise<Record<string, number>> {
  const tables = await h.db<{ name: string }[]>`
    select table_name as name from information_schema.columns
    join information_schema.tables using (table_schema, table_name)
    where table_schema = 'public' and column_name = 'tenant_id' and table_type = 'BASE TABLE'`
  const counts: Record<string, number> = {}
  for (const { name } of tables) {
    const [row] = await h.db<{ n: number }[]>`
      select count(*)::integer as n from ${h.db(name)} where tenant_id = ${tenantId}`
    if (row!.n > 0) counts[name] = row!.n
  }
  return counts
}

test('a second tenant is made with keys that work, renamed, and given a read-only key', async () => {
  const h = await harness()
  await operate(h)
  const created = await tenants('create', 'acme')
  expect(created.code).toBe(0)
  const [, id, secretKey] = /^tenant +(\S+)\n[^]*^secret key +(\S+)$/m.exec(created.printed)!
  expect(await statusOf(h, secretKey!)).toBe(200)
  expect((await tenants('create', 'acme')).code).toBe(64)
  expect((await tenants('set', 'acme', '--name', 'acme ltd')).code).toBe(0)
  expect(JSON.parse((await tenants('list', '--json')).printed)).toMatchObject([
    { id: h.tenant.id },
    { id, name: 'acme ltd', is_being_deleted: false },
  ])
  expect((await tenants('list')).printed).toMatch(new RegExp(`^${id} .* for ever +0 +active$`, 'm'))
  for (const [args, shown] of [
    [['--retention-days', '90'], '90 days'],
    [['--keep-forever'], 'for ever'],
  ] as const) {
    expect(await tenants('set', id!, ...args)).toEqual({
      code: 0,
      printed: `tenant ${id!} is named acme ltd and keeps traces ${shown}`,
    })
  }
  for (const args of [[], ['--retention-days', '0'], ['--retention-days', '1', '--keep-forever']]) {
    expect((await tenants('set', id!, ...args)).code).toBe(64)
  }

  // Which of the two is meant must be said.
  expect((await keys('create')).code).toBe(64)
  const made = await keys('create', '--tenant', 'acme ltd', '--read-only', '--json')
  const pair = JSON.parse(made.printed)
  expect(await statusOf(h, pair.secret_key)).toBe(200)
  expect((await keys('list', '--tenant', id!)).printed).toMatch(
    new RegExp(`^${pair.public_key} .* active {2}read-only`, 'm'),
  )
  expect((await keys('revoke', pair.public_key, '--tenant', id!)).code).toBe(0)
  expect((await keys('revoke', 'pk-none', '--tenant', id!)).code).toBe(2)
  expect(await keys('list', '--tenant', 'nobody')).toEqual({
    code: 2,
    printed: 'There is no tenant nobody: runmill tenants list shows them.',
  })
  expect(JSON.parse((await keys('list', '--tenant', id!, '--json')).printed)).toMatchObject([
    { note: 'first keys', revoked_at: null },
    { public_key: pair.public_key, revoked_at: expect.any(String) },
  ])
})

test('a database that no server of this version has seen yet is refused in a sentence', async () => {
  const database = await createEmptyDatabase()
  vi.stubEnv('DATABASE_URL', database.url)
  const refusal = {
    code: 64,
    printed: expect.stringMatching(/^The database is not of this version/),
  }
  expect(await tenants('list')).toEqual(refusal)
  expect(await keys('list')).toEqual(refusal)
  await database.drop()
})

test('every table with rows of a tenant is one that its deletion empties', async () => {
  const h = await harness()
  const found = await h.db<{ name: string }[]>`
    select table_name as name from information_schema.columns
    join information_schema.tables using (table_schema, table_name)
    where table_schema = 'public' and column_name = 'tenant_id' and table_type = 'BASE TABLE'`
  expect(found.map(({ name }) => name).toSorted()).toEqual(
    [...tenantTables, 'tombstones'].toSorted(),
  )
})

test('a deletion that broke off leaves no way to new keys, and is repeated to the end: no row and no file is left, and another tenant keeps all of its own', async () => {
  const h = await harness()
  const other = await h.addTenant()
  await seedTenant(h, h.tenant, 'gone')
  await seedTenant(h, other, 'kept')
  await h.drain()
  const [before, kept] = [await rowsOf(h, h.tenant.id), await rowsOf(h, other.id)]
  const keptFiles = filesOf(h, other.id)
  expect(keptFiles.length).toBeGreaterThan(0)
  expect(filesOf(h, h.tenant.id)).toHaveLength(keptFiles.length)
  await operate(h)
  const counted = await tenants('delete', h.tenant.id, '--json')
  expect(JSON.parse(counted.printed).rows).toMatchObject(before)
  expect(await rowsOf(h, h.tenant.id)).toEqual(before)

  const brokenOff = tenantDelete(h.db, h.tenant.id, {
    now: fromEpochMs(Date.now() - 600_000)!,
    removeBlob: async () => Promise.reject(new Error('the home is away')),
    settle: async () => {},
    progress() {},
  })
  await expect(brokenOff).rejects.toThrow('the home is away')
  // A server looks twice a second which of its keys are revoked.
  const refused = async () => statusOf(h, h.tenant.secretKey)
  await expect.poll(refused, { timeout: 60_000 }).toBe(401)
  expect((await tenants('list')).printed).toContain('being deleted')
  expect(await keys('create', '--tenant', h.tenant.id)).toEqual({
    code: 2,
    printed: `Tenant ${h.tenant.id} is being deleted, and gets no more keys.`,
  })
  expect((await keys('list', '--tenant', h.tenant.id)).printed).not.toContain(' active')

  const done = await tenants('delete', h.tenant.id, '--yes', '--json')
  const { left } = JSON.parse(done.printed)
  expect(Object.keys(left)).toHaveLength(tenantTables.length + 1)
  expect([...new Set(Object.values(left))]).toEqual([0])
  expect(done.code).toBe(0)
  // What is left says that it was deleted.
  expect(await rowsOf(h, h.tenant.id)).toEqual({ tombstones: 1 })
  expect(await h.db`select from tenants where id = ${h.tenant.id}`).toHaveLength(0)
  expect(filesOf(h, h.tenant.id)).toEqual([])
  expect(await rowsOf(h, other.id)).toEqual(kept)
  expect(filesOf(h, other.id)).toEqual(keptFiles)
  expect((await tenants('delete', h.tenant.id, '--yes')).code).toBe(0)
  expect((await tenants('delete', 'nobody', '--yes')).code).toBe(2)
})

test('what waits in the queue when its tenant is deleted is dropped, also what the database refuses, and so is a start that would bring it back', async () => {
  const h = await harness()
  const other = await h.addTenant()
  const run = { id: crypto.randomUUID() }
  const events = [feedbackOn(run, 'late', 1), feedbackOn(run, 'broken', 1, { score: 'no JSON' })]
  await tenantDelete(h.db, h.tenant.id, {
    now: h.clock.now(),
    removeBlob: async () => {},
    settle: async () => {},
    progress() {},
  })
  const jobOf = (tenantId: string, batchId: string) => ({
    batchId,
    tenantId,
    receivedAt: h.clock.now(),
    events,
  })
  await h.queue.enqueue('ingest', [
    jobOf(h.tenant.id, crypto.randomUUID()),
    jobOf(other.id, crypto.randomUUID()),
  ])
  await h.drain()
  expect(await rowsOf(h, h.tenant.id)).toEqual({ tombstones: 1 })
  expect(await rowsOf(h, other.id)).toMatchObject({ feedback: 1, dead_letters: 1 })
  h.errors.length = 0
  const given = { publicKey: 'pk-lf-1234567890', secretKey: 'sk-lf-1234567890' }
  await expect(
    ensureGivenKeys(h.db, h.clock, { id: h.tenant.id, name: 'again', keys: given }),
  ).rejects.toThrow('was deleted')
})

test('the list tells how many traces retention has yet to remove', async () => {
  const h = await harness()
  await operate(h)
  const startTime = '2020-01-01T00:00:00.000000Z'
  await h.ingest(rootRun(deriveId('old'), deriveId('example'), { startTime }))
  const listed = async () => JSON.parse((await tenants('list', '--json')).printed)
  expect(await listed()).toMatchObject([{ overdue_traces: 0 }])
  await tenants('set', h.tenant.id, '--retention-days', '30')
  expect(await listed()).toMatchObject([{ overdue_traces: 1, oldest_trace_at: startTime }])
  expect((await tenants('list')).printed).toMatch(/ 30 days +1 +active$/m)
})
