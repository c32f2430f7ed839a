import type { Example } from '../../../store/read/datasets/examples.ts'
import type { App, Services } from '../../services.ts'
import { messagesOf, textOfMessage } from './openai-messages.ts'
import { downloadHeaders, exportLines, exportRequest } from './export-dataset.ts'

const schema = {
  tags: ['langsmith datasets'],
  summary: "Export a dataset as JSON Lines for OpenAI's evals",
  ...exportRequest,
}

export function getDatasetsIdOpenai(app: App, { db }: Services): void {
  app.get('/datasets/:id/openai', { schema }, async (request, reply) => {
    const { tenantId } = request.principal
    const { id } = request.params
    const lines = await exportLines(db, tenantId, id, request.query.as_of, evalLine)
    return reply.headers(downloadHeaders(id, 'jsonl')).type('application/jsonl').send(lines)
  })
}

/** The conversation, and what its last answer should be. */
function evalLine(example: Example): string {
  const { inputs, outputs } = messagesOf(example)
  const answer = outputs.at(-1)
  return JSON.stringify({
    input: inputs,
    ideal: answer === undefined ? null : textOfMessage(answer),
  })
}
