import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A TCP connection to a server that can be made to fail, for one process of Runmill. */
export interface FaultProxy {
  readonly port: number
  /** Cuts every open connection. New ones are taken. */
  cut(): void
  /** Closes one direction of every open connection and leaves the other open. */
  halfClose(side: 'client' | 'server'): void
  /** Holds back what passes in either direction by so many milliseconds; 0 ends that. */
  delay(ms: number): void
  /** Keeps connections open and passes nothing on until `release`, as a network that drops packets does. */
  hold(): void
  /** As `hold`, for connections of replicas of Redis alone: their server goes on without them. */
  holdReplicas(): void
  release(): void
  close(): Promise<void>
}

interface Pair {
  client: Socket
  server: Socket
  isReplica: boolean
}

/** @param targetPort the server's port on 127.0.0.1 */
export async function startFaultProxy(targetPort: number): Promise<FaultProxy> {
  const pairs = new Set<Pair>()
  let delayMs = 0
  let holding = false
  let holdingReplicas = false

  function pass(from: Socket, to: Socket, pair: Pair): void {
    const isHeld = (): boolean => holding || (holdingReplicas && pair.isReplica)
    const queue: { chunk: Buffer | null; at: number }[] = []
    let timer: NodeJS.Timeout | null = null
    const flush = (): void => {
      timer = null
      while (queue.length > 0 && !isHeld() && queue[0]!.at <= Date.now()) {
        const { chunk } = queue.shift()!
        if (to.destroyed) continue
        if (chunk === null) to.end()
        else if (to.writable && !to.write(chunk)) {
          from.pause()
          to.once('drain', () => from.resume())
        }
      }
      // While the network holds, what came is looked at again soon.
      if (queue.length > 0) timer = setTimeout(flush, isHeld() ? 20 : queue[0]!.at - Date.now())
    }
    const put = (chunk: Buffer | null): void => {
      queue.push({ chunk, at: Date.now() + delayMs })
      if (timer === null) flush()
    }
    from.on('data', put)
    from.on('end', () => put(null))
    from.on('error', () => {})
    from.on('close', () => {
      if (timer !== null) clearTimeout(timer)
      // What a server sent before it closed still has to arrive.
      if (queue.length === 0 || from.errored) to.destroy()
      else setTimeout(() => to.destroy(), delayMs + 50)
    })
  }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true })
    const pair: Pair = { client, server: upstream, isReplica: false }
    pairs.add(pair)
    client.setNoDelay(true)
    upstream.setNoDelay(true)
    client.on('close', () => pairs.delete(pair))
    client.on('data', (chunk: Buffer) => {
      if (chunk.includes('PSYNC')) pair.isReplica = true
    })
    pass(client, upstream, pair)
    pass(upstream, client, pair)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')

  function cut(): void {
    for (const { client, server } of pairs) {
      client.resetAndDestroy()
      server.destroy()
    }
  }

  return {
    port: (server.address() as AddressInfo).port,
    cut,
    halfClose(side) {
      for (const pair of pairs) pair[side].end()
    },
    delay(ms) {
      delayMs = ms
    },
    hold() {
      holding = true
    },
    holdReplicas() {
      holdingReplicas = true
    },
    release() {
      holding = false
      holdingReplicas = false
    },
    async close() {
      server.close()
      cut()
      await once(server, 'close')
    },
  }
}
