import { startRedis } from '../../test/support/redis.ts'

/**
 * Runs `use` with the URL of a Redis.
 * @param redis a URL; `own`, for a server that is started here and gone afterwards; undefined for none
 */
export async function withRedis(
  redis: string | undefined,
  use: (url: string | undefined) => Promise<void>,
): Promise<void> {
  if (redis !== 'own') return use(redis)
  const server = await startRedis(['--maxmemory-policy', 'noeviction'])
  try {
    await use(server.url)
  } finally {
    await server.stop()
  }
}
