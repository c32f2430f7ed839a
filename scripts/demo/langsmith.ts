import type { Execution, Variant } from './experiments.ts'
import { idOf } from './random.ts'
import { inGroups, send, type Target } from './send.ts'
import { type Ids, traceOf } from './trace.ts'

/** Sends the executions of a variant as LangSmith's SDKs do: runs and feedback as parts of multipart bodies. */
export async function sendByLangsmith(
  target: Target,
  ids: Ids,
  variant: Variant,
  executions: readonly Execution[],
  startedAt: number,
): Promise<void> {
  await inGroups(executions, { size: 50, atOnce: 2 }, async (group) => {
    const form = new FormData()
    const part = (name: string, value: unknown): void =>
      form.append(name, new Blob([JSON.stringify(value)], { type: 'application/json' }))
    for (const execution of group) {
      const { id: traceId, spans } = traceOf(ids, variant, execution, startedAt)
      const orders = new Map<string, string>()
      for (const { id, parent, name, kind, start, end, input, output, error, ...rest } of spans) {
        const stamp = `${new Date(start).toISOString().replaceAll(/[-:.Z]/g, '')}000Z`
        const order = `${parent === null ? '' : `${orders.get(parent)!}.`}${stamp}${id}`
        orders.set(id, order)
        part(`post.${id}`, {
          id,
          trace_id: traceId,
          ...(parent === null ? {} : { parent_run_id: parent }),
          dotted_order: order,
          name,
          run_type: kind,
          start_time: new Date(start).toISOString(),
          end_time: new Date(end).toISOString(),
          session_id: ids.experiment(variant),
          ...(parent === null ? { reference_example_id: ids.example(execution.question) } : {}),
          extra: {
            metadata:
              rest.model === undefined
                ? { prompt_version: variant.promptVersion }
                : { ls_provider: 'openai', ls_model_name: rest.model, ls_model_type: 'chat' },
          },
          ...(error === null ? {} : { error }),
        })
        part(`post.${id}.inputs`, input)
        const usage = rest.tokens === undefined ? {} : { usage_metadata: usageOf(rest.tokens) }
        if (output !== null) part(`post.${id}.outputs`, { ...output, ...usage })
      }
      for (const { key, value, reason } of execution.scores) {
        const at = new Date(spans[0]!.end + 2000).toISOString()
        part(`feedback.${idOf(traceId, key)}`, {
          run_id: traceId,
          trace_id: traceId,
          session_id: ids.experiment(variant),
          key,
          ...(typeof value === 'string' ? { value } : { score: value }),
          comment: reason,
          feedback_source: { type: 'model', metadata: { judge: 'gpt-4.1' } },
          created_at: at,
          modified_at: at,
        })
      }
    }
    await send(target, 'POST', '/api/v1/runs/multipart', form)
  })
}

function usageOf({ prompt, completion }: Execution['tokens']) {
  return {
    input_tokens: prompt,
    output_tokens: completion,
    total_tokens: prompt + completion,
  }
}
