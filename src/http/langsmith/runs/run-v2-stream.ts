import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { stringifyWithRaw } from '../../../domain/raw-json.ts'
import { runList } from '../../../store/read/runs/run-list.ts'
import type { RunKey, RunQuery } from '../../../store/read/runs/run-query-sql.ts'
import { streamed } from '../../answer-schemas.ts'
import { streamOf } from '../../reads.ts'
import type { Services } from '../../services.ts'
import { runV2Answer } from './run-v2-answer.ts'
import { runV2Context, type RunV2Selection } from './run-v2.ts'

/** Runs that are in memory at one time. */
const pageLength = 500

export const runsStreamAnswer = streamed(z.object({ items: z.array(runV2Answer) }))

/** Answers `{items}` with all runs of a query, oldest first. */
export async function streamRuns(
  services: Services,
  request: FastifyRequest,
  reply: FastifyReply,
  query: RunQuery,
  selection: RunV2Selection,
): Promise<FastifyReply> {
  const context = runV2Context(services, request)
  const read = async (after: RunKey | null) =>
    runList(services.db, query, { order: 'asc', after, limit: pageLength }, selection.columns)
  // The first page is read before the answer begins, so that a failure can still be answered as an error.
  const first = await read(null)

  async function* texts() {
    let page = first
    let separator = '{"items":['
    for (;;) {
      for (const row of page.rows) {
        yield separator + stringifyWithRaw(selection.show(row, context))
        separator = ','
      }
      if (page.next === null) break
      page = await read(page.next)
    }
    yield separator === ',' ? ']}' : `${separator}]}`
  }
  return reply.type('application/json; charset=utf-8').send(streamOf(texts()))
}
