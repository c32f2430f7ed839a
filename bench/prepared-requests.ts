import { connect } from 'node:net'
import { once } from 'node:events'
import type { PreparedRequest } from './ingest-requests.ts'

/**
 * Sends requests over `connections` sockets that are kept open, the next one when the answer has come. It only writes
 * prepared bytes and looks at the status, because the load shares the machine with what is measured.
 * @throws Error with the first answer that is no success
 */
export async function sendPrepared(
  url: string,
  requests: readonly PreparedRequest[],
  connections: number,
): Promise<void> {
  const left = [...requests].toReversed()
  const { hostname, port } = new URL(url)
  await Promise.all(
    Array.from({ length: Math.min(connections, left.length) }, async () => {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true })
      await once(socket, 'connect')
      try {
        for (let next = left.pop(); next !== undefined; next = left.pop()) {
          socket.write(next.bytes)
          await readAnswer(socket)
        }
      } finally {
        socket.destroy()
      }
    }),
  )
}

async function readAnswer(socket: ReturnType<typeof connect>): Promise<void> {
  let text = ''
  for (;;) {
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    text += chunk.toString('latin1')
    const end = text.indexOf('\r\n\r\n')
    if (end === -1) continue
    const length = Number(/^content-length: (\d+)/im.exec(text)?.[1] ?? 0)
    if (text.length < end + 4 + length) continue
    if (!/^HTTP\/1\.1 20[0-7]/.test(text)) throw new Error(text)
    return
  }
}
