import { chmod, mkdtemp, readdir, rm, stat, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { lockFolder } from '../../src/embedded/folder-lock.ts'
import { startStockPostgres } from '../../chaos/stock-postgres.ts'
import { createEmbeddedPostgres, stopOrphan } from '../../src/embedded/postgres.ts'
import { makeTemplate, runOnNodes, type TestServer } from './cluster/test-server.ts'

const prefix = 'runmill-test-'
/** Of this run alone: on a server that goes on, there may be others. */
const templateDatabase = `runmill_template_${process.pid}`

/**
 * Nothing here has to survive a crash. 300 connections are for several test files at once, each with pools of its
 * own.
 */
const fastSettings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '300',
  shared_buffers: '128MB',
}

declare module 'vitest' {
  interface ProvidedContext {
    postgres: TestServer
    /** For files of tests. This and the next are removed at the end of the run. */
    scratchFolder: string
    /** Where `compiledFile` puts what it compiles. */
    compiledFolder: string
  }
}

/**
 * Starts one server per test run, with one migrated database that `createTestDatabase` copies. With
 * RUNMILL_TEST_POSTGRES=15 it is an installed Postgres of that version, whose planner has its default settings; with
 * RUNMILL_TEST_DATABASE_URL, a server or the coordinator of a cluster that runs already (docs/scaling.md).
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await findFastFolder()
  await removeAbandoned(folder)
  const dataDir = await mkdtemp(join(folder, prefix))
  // When we are root the server runs as another user, who cannot enter a folder of mode 0700.
  await chmod(dataDir, 0o755)
  const server = await createServer(dataDir)
  // Not dist, because a server may be running from there. It is inside node_modules so that packages are found.
  const compiledFolder = join(
    project.config.root,
    'node_modules',
    '.cache',
    `${prefix}${process.pid}`,
  )
  await rm(compiledFolder, { recursive: true, force: true })
  const scratchFolder = await mkdtemp(join(tmpdir(), 'runmill-scratch-'))
  let made: TestServer | undefined
  const teardown = async () => {
    if (made !== undefined) await runOnNodes(made, `drop database ${templateDatabase} with (force)`)
    await server.stop()
    await rm(scratchFolder, { recursive: true, force: true })
    await rm(compiledFolder, { recursive: true, force: true })
    await rm(dataDir, { recursive: true, force: true })
  }
  try {
    made = await makeTemplate(await server.start(), templateDatabase)
    project.provide('postgres', made)
    project.provide('scratchFolder', scratchFolder)
    project.provide('compiledFolder', compiledFolder)
    return teardown
  } catch (error) {
    await teardown()
    throw error
  }
}

async function createServer(
  dataDir: string,
): Promise<{ start(): Promise<string>; stop(): Promise<void> }> {
  const url = process.env.RUNMILL_TEST_DATABASE_URL
  if (url !== undefined) return { start: async () => url, stop: async () => {} }
  const version = process.env.RUNMILL_TEST_POSTGRES
  if (version === undefined) return createEmbeddedPostgres({ dataDir, settings: fastSettings })
  const { shared_buffers: _, ...settings } = fastSettings
  const options = { version: Number(version), hasOwnDisk: false, settings }
  const server = await startStockPostgres(dataDir, options)
  return { start: async () => server.url, stop: server.stop }
}

/** Removes the folder that a killed test run left, perhaps in memory, and stops its server. */
async function removeAbandoned(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.startsWith(prefix))
  for (const dataDir of names.map((name) => join(folder, name))) {
    const age = Date.now() - (await stat(dataDir)).ctimeMs
    // A young folder may belong to a run that is just starting and has no lock yet.
    const unlock = age < 60_000 ? null : await lockFolder(dataDir).catch(() => null)
    if (unlock === null) continue
    await stopOrphan(join(dataDir, 'postgres'))
    await rm(dataDir, { recursive: true, force: true })
  }
}

/**
 * Returns a folder in memory where there is enough: copying the template takes 15 ms there and 300 ms on a slow disk.
 */
async function findFastFolder(): Promise<string> {
  const memory = await statfs('/dev/shm').catch(() => null)
  return memory !== null && memory.bavail * memory.bsize > 2 * 2 ** 30 ? '/dev/shm' : tmpdir()
}
