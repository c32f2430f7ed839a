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
  /** @param namespace backends of one namespace see each other's jobs */
  open(namespace: string, url?: string, owner?: JobOwner): QueueBackend
  stop(): Promise<void>
}

export interface Kind {
  name: 'inline' | 'postgres' | 'redis'
  start(): Promise<Bench>
}

const postgres: Kind = {
  name: 'postgres',
  async start() {
    const database = await createTestDatabase()
    return {
      url: database.url,
      open: (namespace, url = database.url, owner?: JobOwner) =>
        postgresBackend({ url, namespace, ...(owner && { owner }) }),
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
      open: (namespace, url = server.url, owner?: JobOwner) =>
        redisBackend({ url, namespace, ...(owner && { owner }) }),
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
