import { type BoardPasses, boardPath } from '../pages/board-pass.ts'
import type { App, Services } from '../services.ts'
import { RunmillError } from './errors.ts'

/** `POST /api/runmill/queues/pass`: lets the browser of whoever has the key look into the queues for a while. */
export function postQueuesPass(
  app: App,
  { queue, boardPasses }: Services & { boardPasses: BoardPasses },
): void {
  // For the page alone: a cookie is of no use to other clients.
  app.post(
    '/queues/pass',
    { schema: { hide: true }, config: { scope: 'admin' } },
    async (request, reply) => {
      if (queue.kind === 'inline') {
        throw new RunmillError(404, 'The queue of this server is in its own memory')
      }
      const { setCookie, seconds } = await boardPasses.issue(request)
      return reply.header('set-cookie', setCookie).send({ address: boardPath, seconds })
    },
  )
}
