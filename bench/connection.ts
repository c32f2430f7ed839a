import { once } from 'node:events'
import { connect } from 'node:net'

/**
 * A connection that is kept open. It only writes prepared bytes and looks for the end of the answer, because the load
 * shares the machine with what is measured.
 */
export interface Connection {
  /** False once it has ended. */
  readonly isOpen: boolean
  /**
   * Sends a whole request, when the one before was answered.
   * @returns null when the connection ended first
   */
  exchange(request: Uint8Array): Promise<Answer | null>
  close(): void
}

export interface Answer {
  status: number
  /** As it came, with its headers. */
  text: string
}

/** @param limitMs the connection is closed when it is quiet for so long before the end of an answer; 0: never */
export async function openConnection(url: string, limitMs = 0): Promise<Connection> {
  const { hostname: host, port } = new URL(url)
  const socket = connect({ host, port: Number(port), noDelay: true })
  await once(socket, 'connect')
  let isOpen = true
  let text = ''
  let answer: (answer: Answer | null) => void = () => {}
  socket.on('timeout', () => socket.destroy())
  // What went wrong is seen by the request that is not answered.
  socket.on('error', () => {})
  socket.on('close', () => {
    isOpen = false
    answer(null)
  })
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk
    const whole = text
    const end = whole.indexOf('\r\n\r\n')
    if (end === -1) return
    const length = Number(/^content-length: (\d+)/im.exec(whole)?.[1] ?? 0)
    if (whole.length < end + 4 + length) return
    text = ''
    socket.setTimeout(0)
    answer({ status: Number(whole.slice(9, 12)), text: whole })
  })
  return {
    get isOpen() {
      return isOpen
    },
    exchange: async (request) =>
      new Promise((resolve) => {
        if (!isOpen) return resolve(null)
        answer = resolve
        socket.setTimeout(limitMs)
        socket.write(request)
      }),
    close: () => socket.destroy(),
  }
}
