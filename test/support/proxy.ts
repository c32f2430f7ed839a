import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface Proxy {
  readonly port: number
  /** `url` with the proxy's host and port. */
  through(url: string): string
  /** Cuts every connection and refuses new ones, as a server that is down does. */
  down(): Promise<void>
  up(): Promise<void>
  /** Keeps connections open and passes nothing on, as a server that hangs does. */
  hang(): void
  /** As `hang`, but for the connections that are open now alone, and for ever: new ones work. */
  forget(): void
  /** Passes on what clients send, and no answer to it. */
  mute(): void
  /** Cuts every connection once this many more bytes went to the server. */
  cutAfter(bytes: number): void
  close(): Promise<void>
}

/**
 * Opens a TCP connection to a server that can be made to fail.
 * @param targetUrl URL of the server
 */
export async function startProxy(targetUrl: string): Promise<Proxy> {
  const target = new URL(targetUrl)
  const sockets = new Set<Socket>()
  const forgotten = new WeakSet<Socket>()
  let hanging = false
  let muted = false
  let allowance = Number.POSITIVE_INFINITY
  let port = 0
  let server = createServer(accept)

  function cut(): void {
    for (const socket of sockets) socket.destroy()
  }

  function track(socket: Socket, other: Socket): void {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => {
      sockets.delete(socket)
      other.destroy()
    })
  }

  function accept(client: Socket): void {
    const upstream = connect(Number(target.port), target.hostname)
    track(client, upstream)
    track(upstream, client)
    client.on('data', (chunk: Buffer) => {
      if (hanging || forgotten.has(client)) return
      if (chunk.length <= allowance) {
        allowance -= chunk.length
        upstream.write(chunk)
        return
      }
      // `end` and not `destroy`: what went through must reach the server.
      upstream.end(chunk.subarray(0, allowance))
      client.destroy()
      allowance = 0
    })
    upstream.on('data', (chunk: Buffer) => {
      if (!hanging && !muted && !forgotten.has(client)) client.write(chunk)
    })
  }

  async function up(): Promise<void> {
    hanging = false
    muted = false
    allowance = Number.POSITIVE_INFINITY
    if (server.listening) return
    server = createServer(accept).listen(port, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  }

  async function down(): Promise<void> {
    cut()
    if (!server.listening) return
    server.close()
    await once(server, 'close')
  }

  await up()
  return {
    port,
    through(url) {
      const changed = new URL(url)
      changed.host = `127.0.0.1:${port}`
      return changed.href
    },
    down,
    up,
    hang() {
      hanging = true
    },
    forget() {
      for (const socket of sockets) {
        forgotten.add(socket)
        // Otherwise it would close when the client does.
        socket.pause()
      }
    },
    mute() {
      muted = true
    },
    cutAfter(bytes) {
      allowance = bytes
    },
    close: down,
  }
}
