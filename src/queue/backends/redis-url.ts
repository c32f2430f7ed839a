import type { ClusterNode, RedisOptions } from 'ioredis'

/** The address of Redis. `options` holds credentials, database and TLS. */
export type RedisAddress =
  | { kind: 'single'; options: Omit<RedisOptions, 'replyMapping'> }
  | { kind: 'cluster'; nodes: ClusterNode[]; options: Access }

type Access = Pick<RedisOptions, 'username' | 'password' | 'tls'>

const form =
  /^(rediss?)(-cluster|-sentinel)?:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/?#]+)(?:\/([^/?#]*))?(?:\/(\d+))?$/
const forms =
  'redis://host:6379/0, redis-cluster://host1:6379,host2:6379 or redis-sentinel://host1:26379,host2:26379/master/0'

/**
 * Reads REDIS_URL, which is one of
 * - `redis://[user:password@]host[:6379][/database]`
 * - `redis-cluster://[user:password@]host1[:6379],host2[:6379]` (some nodes; the others are discovered)
 * - `redis-sentinel://[user:password@]host1[:26379],host2[:26379]/master-name[/database]` (the credentials of Redis,
 *   not of the sentinels)
 *
 * or one of these with `rediss` for TLS. User and password are percent-encoded; IPv6 hosts are written in brackets.
 * @throws Error whose message does not repeat the URL, which may hold a password
 */
export function parseRedisUrl(url: string): RedisAddress {
  const match = form.exec(url)
  if (!match) throw new Error(`This is no Redis URL. Use ${forms}; rediss for TLS.`)
  const [, scheme, kind, user, password, hosts = '', path, database] = match
  const options: Access = {
    ...(user ? { username: decodeURIComponent(user) } : {}),
    ...(password ? { password: decodeURIComponent(password) } : {}),
    ...(scheme === 'rediss' ? { tls: {} } : {}),
  }
  if (kind === '-cluster') {
    if (path) throw new Error('A Redis Cluster has no databases: leave out what follows the hosts.')
    return {
      kind: 'cluster',
      nodes: hosts.split(',').map((host) => parseHost(host, 6379)),
      options,
    }
  }
  if (kind === '-sentinel') {
    if (!path) throw new Error(`Name the master after the sentinels: ${forms}.`)
    return {
      kind: 'single',
      options: {
        ...options,
        name: decodeURIComponent(path),
        sentinels: hosts.split(',').map((host) => parseHost(host, 26379)),
        ...(scheme === 'rediss' ? { sentinelTLS: {}, enableTLSForSentinelMode: true } : {}),
        ...(database ? { db: Number(database) } : {}),
      },
    }
  }
  if (hosts.includes(',')) throw new Error(`Several hosts are a cluster or sentinels: ${forms}.`)
  if (database !== undefined || (path && !/^\d+$/.test(path))) {
    throw new Error('What follows the host of a Redis URL is the number of the database.')
  }
  return {
    kind: 'single',
    options: { ...options, ...parseHost(hosts, 6379), ...(path ? { db: Number(path) } : {}) },
  }
}

function parseHost(text: string, defaultPort: number): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  if (!match || !host) throw new Error(`A host of the Redis URL cannot be read. Use ${forms}.`)
  return { host, port: match[3] ? Number(match[3]) : defaultPort }
}
