import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { findFreePort } from '../test/support/free-port.ts'
import { type RedisServer, spawnRedis, startRedis } from '../test/support/redis.ts'
import { type FaultProxy, startFaultProxy } from './proxy.ts'

/** Servers of Redis that fail over by themselves. */
export interface RedisGroup {
  url: string
  /** From now on nothing reaches the replica of the master that has the lane `ingest`. */
  lagBehind(): void
  /** kill -9 of that master. */
  killMaster(): Promise<void>
  /** Starts it again, as whatever supervises it does. It becomes the replica of the one that took over. */
  restartMaster(): Promise<void>
  stop(): Promise<void>
}

/** A server which the others, and clients, know by the port of the proxy before it. */
interface Member {
  server: RedisServer
  link: FaultProxy
  client: Redis
}

/** How long a master is silent before it is replaced. */
const silentMs = 2_000
const startLimitMs = 60_000

async function startMember(settings: string[]): Promise<Member> {
  const server = await startRedis(['--repl-diskless-sync-delay', '0', ...settings])
  const link = await startFaultProxy(server.port)
  const client = new Redis(server.url)
  client.on('error', () => {})
  return { server, link, client }
}

async function stopMember({ server, link, client }: Member): Promise<void> {
  client.disconnect()
  await link.close()
  await server.stop()
}

async function untilTrue(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const limit = Date.now() + startLimitMs; Date.now() < limit; await pause(100)) {
    if (await holds()) return
  }
  throw new Error(`not within ${startLimitMs / 1_000} s: ${what}`)
}

const hasReplica = async ({ client }: Member): Promise<boolean> =>
  (await client.info('replication')).includes('state=online')

/** A master with one replica, and one sentinel. */
export async function startSentinel(settings: string[]): Promise<RedisGroup> {
  const [master, replica] = [await startMember(settings), await startMember(settings)]
  for (const { client, link } of [master, replica]) {
    await client.config('SET', 'replica-announce-port', link.port)
    await client.config('SET', 'replica-announce-ip', '127.0.0.1')
  }
  await replica.client.replicaof('127.0.0.1', master.link.port)
  await untilTrue('the replica follows', async () => hasReplica(master))
  const dir = await mkdtemp(join(tmpdir(), 'runmill-sentinel-'))
  const port = await findFreePort()
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${dir}`,
    `sentinel monitor main 127.0.0.1 ${master.link.port} 1`,
    `sentinel down-after-milliseconds main ${silentMs}`,
    'sentinel failover-timeout main 10000',
  ]
  const file = join(dir, 'sentinel.conf')
  await writeFile(file, `${lines.join('\n')}\n`)
  const sentinel = await spawnRedis([file, '--sentinel'])
  const asked = new Redis({ port, host: '127.0.0.1' })
  await untilTrue('the sentinel knows the replica', async () =>
    JSON.stringify(await asked.call('SENTINEL', 'REPLICAS', 'main')).includes(
      String(replica.link.port),
    ),
  )
  asked.disconnect()
  return {
    url: `redis-sentinel://127.0.0.1:${port}/main`,
    lagBehind: () => master.link.holdReplicas(),
    killMaster: async () => master.server.kill(),
    restartMaster: async () => master.server.start(),
    async stop() {
      sentinel.kill('SIGKILL')
      for (const member of [master, replica]) await stopMember(member)
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** Three masters with a replica each. */
export async function startCluster(settings: string[]): Promise<RedisGroup> {
  const clustered = ['--cluster-enabled', 'yes', '--cluster-node-timeout', String(silentMs)]
  const members = await Promise.all(
    Array.from({ length: 6 }, async () =>
      startMember([...settings, ...clustered, '--cluster-announce-ip', '127.0.0.1']),
    ),
  )
  for (const { client, server, link } of members) {
    await client.config('SET', 'cluster-announce-port', link.port)
    await client.config('SET', 'cluster-announce-bus-port', server.port + 10_000)
  }
  const first = members[0]!
  const masters = members.slice(0, 3)
  const bounds = [0, 5_461, 10_923, 16_384]
  for (const [i, { client }] of masters.entries()) {
    await client.cluster('ADDSLOTSRANGE', bounds[i]!, bounds[i + 1]! - 1)
  }
  for (const { server, link } of members.slice(1)) {
    await first.client.call('CLUSTER', 'MEET', '127.0.0.1', link.port, server.port + 10_000)
  }
  const hasAll = async ({ client }: Member): Promise<boolean> => {
    const info = await client.cluster('INFO')
    return info.includes('cluster_known_nodes:6') && info.includes('cluster_state:ok')
  }
  for (const member of members)
    await untilTrue('the nodes know each other', async () => hasAll(member))
  for (const [i, { client }] of masters.entries()) {
    await members[i + 3]!.client.cluster('REPLICATE', await client.cluster('MYID'))
  }
  for (const master of masters) await untilTrue('replicas follow', async () => hasReplica(master))
  const slot = await first.client.cluster('KEYSLOT', '{ingest-0}')
  const victim = masters[bounds.findLastIndex((bound) => bound <= slot)]!
  return {
    url: `redis-cluster://${members.map(({ link }) => `127.0.0.1:${link.port}`).join(',')}`,
    lagBehind: () => victim.link.holdReplicas(),
    killMaster: async () => victim.server.kill(),
    restartMaster: async () => victim.server.start(),
    async stop() {
      for (const member of members) await stopMember(member)
    },
  }
}
