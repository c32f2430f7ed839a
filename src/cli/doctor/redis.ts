import { Redis } from 'ioredis'
import { describeError, type Finding, megabytes } from './finding.ts'

/**
 * Looks at the Redis of the queues: what may lose data, version, and memory. It changes nothing.
 * @param awaited how many replicas Runmill waits for
 */
export async function examineRedis(url: string, awaited: number): Promise<Finding[]> {
  if (!/^rediss?:/.test(url)) {
    const message = 'Redis is a cluster or has sentinels, and is not looked at'
    const advice = 'Look at each node by its own address: REDIS_URL=redis://host:6379.'
    return [{ name: 'redis', level: 'unknown', message, advice }]
  }
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 10_000,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  })
  // It is told by the command that fails, too.
  redis.on('error', () => {})
  try {
    await redis.connect()
    const info = await redis.info()
    const read = (name: string): string | undefined =>
      new RegExp(`^${name}:(.*)\r?$`, 'm').exec(info)?.[1]?.trim()
    return [
      { name: 'redis', level: 'ok', message: `Redis ${read('redis_version') ?? '?'} answers` },
      evictionOf(read('maxmemory_policy')),
      appendOnlyOf(read('aof_enabled'), await configOf(redis, 'appendfsync')),
      ...replicasOf(
        Number(read('connected_slaves') ?? 0),
        awaited,
        await configOf(redis, 'min-replicas-to-write'),
      ),
      memoryOf(Number(read('used_memory') ?? 0), Number(read('maxmemory') ?? 0)),
    ]
  } catch (error) {
    return [
      {
        name: 'redis',
        level: 'unreachable',
        message: `Redis does not answer: ${describeError(error)}`,
        advice: 'Check REDIS_URL, its password, and whether the server runs.',
      },
    ]
  } finally {
    redis.disconnect()
  }
}

/** null where the server does not tell, as managed ones. */
async function configOf(redis: Redis, name: string): Promise<string | null> {
  const answer = await redis.config('GET', name).catch(() => null)
  const value: unknown = Array.isArray(answer) ? answer[1] : null
  return typeof value === 'string' ? value : null
}

function evictionOf(policy: string | undefined): Finding {
  const name = 'redis.maxmemory-policy'
  if (policy === 'noeviction') return { name, level: 'ok', message: 'Redis evicts nothing' }
  const advice = 'Set maxmemory-policy to noeviction.'
  if (policy === undefined)
    return { name, level: 'unknown', message: 'Redis does not tell its policy', advice }
  const message = `maxmemory-policy is ${policy}: a full Redis drops events that were acknowledged`
  return { name, level: 'loses data', message, advice }
}

function appendOnlyOf(enabled: string | undefined, fsync: string | null): Finding {
  const name = 'redis.appendonly'
  const advice = 'Set appendonly to yes.'
  if (enabled === undefined) {
    return {
      name,
      level: 'unknown',
      message: 'Redis does not tell whether it writes to its disk',
      advice,
    }
  }
  if (enabled === '0') {
    const message = 'appendonly is off: a restart of Redis loses events that were acknowledged'
    return { name, level: 'loses data', message, advice }
  }
  if (fsync === 'no') {
    const message =
      'appendfsync is no: a crash of the machine loses what the last half minute brought'
    return { name, level: 'loses data', message, advice: 'Set appendfsync to everysec or always.' }
  }
  if (fsync === 'everysec') {
    const message =
      'appendonly is on, appendfsync everysec: a crash of the machine loses up to a second or two'
    const advice = 'Set appendfsync to always where that is too much.'
    return { name, level: 'note', message, advice }
  }
  return { name, level: 'ok', message: 'Redis writes every event to its disk' }
}

function replicasOf(replicas: number, awaited: number, least: string | null): Finding[] {
  if (replicas === 0 && awaited === 0) return []
  const name = 'redis.replicas'
  const told = `Redis has ${replicas} ${replicas === 1 ? 'replica' : 'replicas'}`
  if (replicas < awaited) {
    const message = `${told}, and RUNMILL_REDIS_WAIT is ${awaited}: no events are taken`
    return [{ name, level: 'warning', message, advice: 'See to the replicas.' }]
  }
  if (awaited > 0) {
    return [
      { name, level: 'ok', message: `${told}, of which ${awaited} have what is acknowledged` },
    ]
  }
  const advice =
    'Set RUNMILL_REDIS_WAIT to 1; or min-replicas-to-write to 1 or more, and min-replicas-max-lag to a few seconds.'
  if (least === null)
    return [
      { name, level: 'unknown', message: `${told}; it does not tell how many must follow`, advice },
    ]
  if (Number(least) > 0)
    return [{ name, level: 'ok', message: `${told}, of which ${least} must follow` }]
  const message = `${told}, and writes are taken when none follows: a failover loses what the new one lacks`
  return [{ name, level: 'loses data', message, advice }]
}

function memoryOf(used: number, most: number): Finding {
  const name = 'redis.memory'
  if (most === 0) {
    const message = `${megabytes(used)} are used, without a limit`
    return {
      name,
      level: 'note',
      message,
      advice: 'Set maxmemory, so that the backlog is refused before the machine is full.',
    }
  }
  const share = Math.round((100 * used) / most)
  const message = `${megabytes(used)} of ${megabytes(most)} are used, ${share} %`
  return share < 60
    ? { name, level: 'ok', message }
    : {
        name,
        level: 'warning',
        message,
        advice: 'New events are refused from 60 % on: start more workers, or give it more memory.',
      }
}
