import { z } from 'zod'
import { stringifyWithRaw } from '../../../domain/raw-json.ts'
import type { Example } from '../../../store/read/datasets/example.ts'
import { file } from '../../answer-schemas.ts'
import type { App, Services } from '../../services.ts'
import { findDataset, timeOf } from '../examples/as-of.ts'
import { exampleFromRow } from '../examples/example-from-row.ts'
import { examplesAt } from '../examples/example-stream.ts'
import { asOf, uuid } from '../schemas.ts'
import { datasetCsv } from './dataset-csv.ts'
import { messagesOf, textOfMessage } from './openai-messages.ts'
import { streamOf } from '../../reads.ts'

const exportRequest = {
  tags: ['langsmith datasets'],
  params: z.object({ id: uuid }),
  querystring: z.object({ as_of: asOf }),
}

/** Files that browsers save: one version of a dataset, in constant memory (contracts/langsmith.md 2.3.2). */
export function exportRoutes(app: App, services: Services): void {
  csvRoute(app, services)
  linesRoute(app, services, 'jsonl', 'Export a dataset as JSON Lines', exampleLine)
  linesRoute(app, services, 'openai', "Export a dataset as JSON Lines for OpenAI's evals", evalLine)
  linesRoute(
    app,
    services,
    'openai_ft',
    "Export a dataset as JSON Lines for OpenAI's fine tuning",
    tuningLine,
  )
}

function csvRoute(app: App, { db }: Services): void {
  const schema = {
    ...exportRequest,
    summary: 'Export a dataset as CSV',
    response: { 200: file('text/csv', 'A line for each example') },
  }
  app.get('/datasets/:id/csv', { schema }, async (request, reply) => {
    const { tenantId } = request.principal
    const dataset = await findDataset(db, tenantId, request.params.id)
    const time = await timeOf(db, tenantId, dataset, request.query.as_of)
    const csv = await datasetCsv(db, tenantId, dataset.id, time)
    return reply
      .headers(downloadHeaders(dataset.id, 'csv'))
      .type('text/csv; charset=utf-8')
      .send(csv)
  })
}

/**
 * Registers an export with one line of JSON for each example.
 * @param format the last segment of the path
 * @param lineOf the line without its newline
 */
function linesRoute(
  app: App,
  { db }: Services,
  format: string,
  summary: string,
  lineOf: (example: Example) => string,
): void {
  const schema = {
    ...exportRequest,
    summary,
    response: { 200: file('application/jsonl', 'A line of JSON for each example') },
  }
  app.get(`/datasets/:id/${format}`, { schema }, async (request, reply) => {
    const { tenantId } = request.principal
    const dataset = await findDataset(db, tenantId, request.params.id)
    const time = await timeOf(db, tenantId, dataset, request.query.as_of)
    async function* lines(): AsyncGenerator<string> {
      for await (const example of examplesAt(db, tenantId, dataset.id, time)) {
        // JSON is stored as it was sent, so it may hold line breaks, but only between its values.
        yield `${lineOf(example).replace(/[\r\n]+/g, ' ')}\n`
      }
    }
    return reply
      .headers(downloadHeaders(dataset.id, 'jsonl'))
      .type('application/jsonl')
      .send(streamOf(lines()))
  })
}

/** Values are written as they were sent, digit for digit. */
function exampleLine(example: Example): string {
  const { id, inputs, outputs, metadata } = exampleFromRow(example)
  return stringifyWithRaw({ id, inputs, outputs, metadata })
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

/** The conversation with its answer, and the tools that the model could call. */
function tuningLine(example: Example): string {
  const { inputs, outputs, tools, functions } = messagesOf(example)
  return JSON.stringify({ messages: [...inputs, ...outputs], tools, functions })
}

function downloadHeaders(datasetId: string, extension: string): Record<string, string> {
  return { 'content-disposition': `attachment; filename="dataset-${datasetId}.${extension}"` }
}
