import type { Example } from '../../../store/read/datasets/examples.ts'
import type { App, Services } from '../../services.ts'
import { messagesOf } from './openai-messages.ts'
import { downloadHeaders, exportLines, exportRequest } from './export-dataset.ts'

const schema = {
  tags: ['langsmith datasets'],
  summary: "Export a dataset as JSON Lines for OpenAI's fine tuning",
  ...exportRequest,
}

export function getDatasetsIdOpenaiFt(app: App, { db }: Services): void {
  app.get('/datasets/:id/openai_ft', { schema }, async (request, reply) => {
    const { tenantId } = request.principal
    const { id } = request.params
    const lines = await exportLines(db, tenantId, id, request.query.as_of, tuningLine)
    return reply.headers(downloadHeaders(id, 'jsonl')).type('application/jsonl').send(lines)
  })
}

/** The conversation with its answer, and the tools that were at hand. */
function tuningLine(example: Example): string {
  const { inputs, outputs, tools, functions } = messagesOf(example)
  return JSON.stringify({ messages: [...inputs, ...outputs], tools, functions })
}
