import { createBullBoard } from '@bull-board/api'
import { FastifyAdapter } from '@bull-board/fastify'
import type { FastifyReply } from 'fastify'
import { classifyError } from '../classify-error.ts'
import type { App, Services } from '../services.ts'
import { boardPath, type BoardPasses } from './board-pass.ts'

/**
 * What bull-board needs: its own files and this server; its addresses are relative to a `<base>`. Fonts that it names on
 * another server are not loaded, nor are styles inside of its document, which are few and only ornament.
 */
const boardPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Jobs are read as a whole, so a page of them is bounded. */
const mostJobsOfPage = 100

/**
 * Serves bull-board, the inside of the queues, to whoever has a pass. Nothing can be changed there: the queues are
 * read-only, and requests that are no reads are refused before bull-board sees them.
 */
export async function board(
  app: App,
  { queue, log }: Services,
  passes: BoardPasses,
): Promise<void> {
  const queues = queue.board()
  if (queues === null) return
  const adapter = new FastifyAdapter()
  createBullBoard({
    queues,
    serverAdapter: adapter,
    options: {
      uiConfig: {
        boardTitle: 'Runmill: queues',
        boardLogo: { path: '' },
        miscLinks: [{ text: 'Back to Runmill', url: '/app/ingestion' }],
      },
    },
  })
  // Left to the handler below: bull-board answers 500 while the datastore of the queue is away.
  adapter.setErrorHandler((error) => {
    throw error
  })
  await app.register(
    async (scope: App) => {
      scope.addHook('onRequest', async (request, reply) => {
        reply.header('content-security-policy', boardPolicy)
        if (!(await passes.isHeldBy(request))) {
          return refuse(
            reply,
            401,
            'Open the queues from /app/ingestion, signed in with a key of the scope admin.',
          )
        }
        if (request.method !== 'GET' && request.method !== 'HEAD') {
          return refuse(reply.header('allow', 'GET, HEAD'), 405, 'Nothing can be changed here.')
        }
        const query = request.query as Record<string, unknown>
        if (Number(query['jobsPerPage']) > mostJobsOfPage) {
          query['jobsPerPage'] = String(mostJobsOfPage)
        }
      })
      scope.setErrorHandler((error, _, reply) => {
        const problem = classifyError(error)
        if (problem.kind === 'refused')
          return reply.code(problem.status).send({ message: problem.message })
        log.warn({ err: error }, 'the queues cannot be shown')
        return reply.code(503).send({ message: 'The queue does not answer now.' })
      })
      scope.addHook('onSend', async (_, reply, payload) => {
        const isPage = String(reply.getHeader('content-type')).startsWith('text/html')
        return isPage && typeof payload === 'string' ? withoutForeignFiles(payload) : payload
      })
      await scope.register(adapter.setBasePath(boardPath).registerPlugin())
    },
    { prefix: boardPath },
  )
}

function refuse(reply: FastifyReply, status: number, message: string): FastifyReply {
  return reply.code(status).type('text/plain; charset=utf-8').send(`${message}\n`)
}

/** Removes links to files on other servers. */
function withoutForeignFiles(html: string): string {
  return html.replaceAll(/<link href="https?:[^>]*>/g, '')
}
