import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Returns a loopback port for a server that is started again and again. It is below 32768, where Linux begins to take
 * ports for outgoing connections: one of those could otherwise hold the port while its server is down.
 */
export async function findLastingPort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!isFree) continue
    server.close()
    await once(server, 'close')
    return port
  }
}
