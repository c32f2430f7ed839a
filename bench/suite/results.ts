import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { Db } from '../../src/store/pool.ts'

/** What `bench/results/NAME.json` holds: figures, and what they were measured with. */
export interface Result<Figures> {
  name: string
  machine: { cpu: string; cores: number; memoryGiB: number }
  versions: Record<string, string>
  figures: Figures
}

const folder = join(import.meta.dirname, '..', 'results')

/** Where figures come from, so far as they depend on it. */
export interface Measured {
  db?: Db | undefined
  redisUrl?: string | undefined
  /** More versions, by name. */
  versions?: Record<string, string>
}

/** Replaces the result of that name. Nothing that tells one machine from another of its kind is written. */
export async function saveResult(
  name: string,
  figures: object,
  { db, redisUrl, versions = {} }: Measured,
): Promise<void> {
  const result: Result<object> = {
    name,
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: availableParallelism(),
      memoryGiB: Math.round(totalmem() / 2 ** 30),
    },
    versions: {
      commit: commit(),
      node: process.version.slice(1),
      ...(db === undefined ? {} : { postgres: await postgresVersion(db) }),
      ...(redisUrl === undefined ? {} : { redis: await redisVersion(redisUrl) }),
      ...versions,
    },
    figures,
  }
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`)
}

/** @returns null when it was never measured */
export function readResult<Figures>(name: string): Result<Figures> | null {
  const file = join(folder, `${name}.json`)
  if (!existsSync(file)) return null
  return JSON.parse(readFileSync(file, 'utf8')) as Result<Figures>
}

export function listResults(): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .toSorted()
}

function commit(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' }).trim()
  try {
    const isChanged = git('status', '--porcelain', '--', 'src', 'workers', 'migrations') !== ''
    return git('rev-parse', '--short', 'HEAD') + (isChanged ? ' with changes' : '')
  } catch {
    return 'unknown'
  }
}

async function postgresVersion(db: Db): Promise<string> {
  const [row] = await db<{ version: string }[]>`select current_setting('server_version') as version`
  return row!.version.split(' ')[0]!
}

async function redisVersion(url: string): Promise<string> {
  const redis = new Redis(url)
  try {
    return /^redis_version:(\S+)/m.exec(await redis.info('server'))?.[1] ?? 'unknown'
  } finally {
    redis.disconnect()
  }
}
