import type { Execution, Variant } from './experiments.ts'
import { idOf } from './random.ts'
import { inGroups, send, type Target } from './send.ts'
import { type Ids, type Span, traceOf } from './trace.ts'

const typeOf: Readonly<Record<Span['kind'], string>> = {
  chain: 'chain-create',
  retriever: 'retriever-create',
  tool: 'tool-create',
  llm: 'generation-create',
}

/** Sends the executions of a variant as Langfuse's SDKs do: batches of events, and a link of each trace to its item. */
export async function sendByLangfuse(
  target: Target,
  ids: Ids,
  variant: Variant,
  executions: readonly Execution[],
  startedAt: number,
): Promise<void> {
  await inGroups(executions, { size: 50, atOnce: 2 }, async (group) => {
    const batch = group.flatMap((execution) => eventsOf(ids, variant, execution, startedAt))
    const answer = (await send(target, 'POST', '/api/public/ingestion', { batch })) as {
      errors: { message?: string }[]
    }
    if (answer.errors.length > 0) throw new Error(`refused: ${JSON.stringify(answer.errors[0])}`)
  })
  await inGroups(executions, { size: 1, atOnce: 8 }, async ([execution]) => {
    const { id: traceId, spans } = traceOf(ids, variant, execution!, startedAt)
    await send(target, 'POST', '/api/public/dataset-run-items', {
      runName: variant.name,
      datasetItemId: ids.example(execution!.question),
      traceId,
      createdAt: new Date(spans[0]!.end).toISOString(),
    })
  })
}

function eventsOf(ids: Ids, variant: Variant, execution: Execution, startedAt: number): object[] {
  const { id: traceId, spans } = traceOf(ids, variant, execution, startedAt)
  const event = (type: string, at: number, body: { id: string }): object => ({
    id: idOf(type, body.id),
    type,
    timestamp: new Date(at).toISOString(),
    body,
  })
  const [root] = spans
  return [
    event('trace-create', root!.start, {
      id: traceId,
      timestamp: new Date(root!.start).toISOString(),
      name: root!.name,
      input: root!.input,
      output: root!.output,
      metadata: { prompt_version: variant.promptVersion },
      tags: ['demo'],
    } as { id: string }),
    ...spans.map(({ id, parent, name, kind, start, end, input, output, error, model, tokens }) =>
      event(typeOf[kind], start, {
        id: parent === null ? idOf(id, 'root') : id,
        traceId,
        ...(parent === null
          ? {}
          : { parentObservationId: parent === traceId ? idOf(traceId, 'root') : parent }),
        name,
        startTime: new Date(start).toISOString(),
        endTime: new Date(end).toISOString(),
        input,
        ...(output === null ? {} : { output }),
        ...(error === null ? {} : { level: 'ERROR', statusMessage: error }),
        ...(model === undefined ? {} : { model }),
        ...(tokens === undefined
          ? {}
          : { usageDetails: { input: tokens.prompt, output: tokens.completion } }),
      } as { id: string }),
    ),
    ...execution.scores.map(({ key, value, reason }) =>
      event('score-create', root!.end + 2000, {
        id: idOf(traceId, key),
        traceId,
        name: key,
        value,
        dataType: typeof value === 'string' ? 'CATEGORICAL' : 'NUMERIC',
        comment: reason,
        source: 'EVAL',
      } as { id: string }),
    ),
  ]
}
