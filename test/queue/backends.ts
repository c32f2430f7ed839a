import type { QueueBackend } from '../../src/queue/backend.ts'
import type { JobOwner } from '../../src/queue/backends/datastore.ts'
import { inlineBackend } from '../../src/queue/backends/inline.ts'
import { postgresBackend } from '../../src/queue/backends/postgres.ts'
import { redisBackend } from '../../src/queue/backends/redis.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { startRedis, testsRunOnRedis } from '../support/redis.ts'

/** A datastore to test on. */
export interface Bench {
  /** Empty where backends share nothing. */
  url: string
  /**
   * @param namespace backends of one namespace see each other's jobs
   * @param url another way to the datastore, on which producers do not wait for longer than in the real server
   */
  open(namespace: string, url?: string, owner?: JobOwner): QueueBackend
  stop(): Promise<void>
}

export interface Kind {
  name: 'inline' | 'postgres' | 'redis'
  start(): Promise<Bench>
}

/** Without another way to it a datastore answers, however long a busy machine takes. */
function settings(url: string | undefined, owner: JobOwner | undefined) {
  return { ...(url === undefined ? { answerMs: 60_000 } : { url }), ...(owner && { owner }) }
}

const postgres: Kind = {
  name: 'postgres',
  async start() {
    const database = await createTestDatabase()
    return {
      url: database.url,
      open: (namespace, url, owner) =>
        postgresBackend({ url: database.url, namespace, ...settings(url, owner) }),
      stop: () => database.drop(),
    }
  },
}

const redis: Kind = {
  name: 'redis',
  async start() {
    const server = await startRedis()
    return {
      url: server.url,
      open: (namespace, url, owner) =>
        redisBackend({ url: server.url, namespace, ...settings(url, owner) }),
      stop: () => server.stop(),
    }
  },
}

const inline: Kind = {
  name: 'inline',
  start: async () => ({ url: '', open: () => inlineBackend(), stop: async () => {} }),
}

/** Backends whose jobs outlive the process. */
export const durableKinds: Kind[] = testsRunOnRedis() ? [postgres, redis] : [postgres]
export const allKinds: Kind[] = [inline, ...durableKinds]
