import type { QueueBackend } from './backend.ts'
import { postgresBackend } from './backends/postgres.ts'
import { redisBackend } from './backends/redis.ts'
import type { QueueLog } from './report.ts'

export interface QueueAddress {
  /** See `parseRedisUrl`. Without it the queue lives in the database. */
  redisUrl: string | undefined
  databaseUrl: string
}

/** The queue of a mode (DESIGN 3), not started. @throws Error when REDIS_URL cannot be read */
export function openQueue({ redisUrl, databaseUrl }: QueueAddress, log: QueueLog): QueueBackend {
  if (redisUrl !== undefined) return redisBackend({ url: redisUrl, log })
  return postgresBackend({ url: databaseUrl, log })
}
