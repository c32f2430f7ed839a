import { openConnection } from './connection.ts'
import type { PreparedRequest } from './ingest-requests.ts'

const successes = [200, 201, 202, 204, 207]

/**
 * Sends requests over `connections` sockets that are kept open, the next one when the answer has come.
 * @throws Error with the first answer that is no success
 */
export async function sendPrepared(
  url: string,
  requests: readonly PreparedRequest[],
  connections: number,
): Promise<void> {
  const left = [...requests].toReversed()
  await Promise.all(
    Array.from({ length: Math.min(connections, left.length) }, async () => {
      const connection = await openConnection(url)
      try {
        for (let next = left.pop(); next !== undefined; next = left.pop()) {
          const answer = await connection.exchange(next.bytes)
          if (answer === null) throw new Error('no answer')
          if (!successes.includes(answer.status)) throw new Error(answer.text)
        }
      } finally {
        connection.close()
      }
    }),
  )
}
