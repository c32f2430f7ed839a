import type { Execution, Variant } from './experiments.ts'
import { filled, type Question } from './questions.ts'
import { idOf } from './random.ts'

/** The ids of one demo. They depend on when it was made, so that one that was deleted can be made again. */
export interface Ids {
  dataset: string
  example(question: Question): string
  experiment(variant: Variant): string
  trace(variant: Variant, execution: Execution): string
}

export function idsOf(madeAt: string): Ids {
  const dataset = idOf('demo', madeAt)
  return {
    dataset,
    example: ({ n }) => idOf(dataset, 'example', n),
    experiment: ({ name }) => idOf(dataset, name),
    trace: ({ name }, { question, repetition }) => idOf(dataset, name, question.n, repetition),
  }
}

/** Times are in milliseconds since 1970. */
export interface Span {
  id: string
  parent: string | null
  name: string
  kind: 'chain' | 'retriever' | 'tool' | 'llm'
  start: number
  end: number
  input: object
  output: object | null
  error: string | null
  model?: string
  tokens?: Execution['tokens']
}

const system =
  'You answer customers of Ridgeline, an outdoor shop. Use only the articles of the help centre. Say so when they do not answer the question.'

/** What an execution did: the assistant, and in it the search, the look-up of the order and the call of the model. */
export function traceOf(
  ids: Ids,
  variant: Variant,
  execution: Execution,
  startedAt: number,
): { id: string; spans: Span[] } {
  const { question, answer, retrieval, lookup, model: took, startsAfter } = execution
  const { topic, words, text } = question
  const id = ids.trace(variant, execution)
  const start = startedAt + startsAfter
  const searched = start + 4 + retrieval
  const lookedUp = searched + lookup
  const end = lookedUp + took
  const error = answer === null ? 'TimeoutError: the model did not answer within 30 s' : null
  const document = { page_content: topic.text, metadata: { title: topic.article, id: topic.id } }
  const order = { order: words.order!, status: 'sent', items: [words.product!] }
  const child = (part: string) => ({ id: idOf(id, part), parent: id })
  const spans: Span[] = [
    {
      id,
      parent: null,
      name: 'support assistant',
      kind: 'chain',
      start,
      end: end + 3,
      input: { question: text },
      output: answer === null ? null : { answer },
      error,
    },
    {
      ...child('search'),
      name: 'search help centre',
      kind: 'retriever',
      start: start + 4,
      end: searched,
      input: { query: text },
      output: { documents: [document] },
      error: null,
    },
  ]
  if (topic.needsOrder) {
    spans.push({
      ...child('order'),
      name: 'get_order',
      kind: 'tool',
      start: searched,
      end: lookedUp,
      input: { order: words.order },
      output: order,
      error: null,
    })
  }
  const known = topic.needsOrder ? `\n\nOrder: ${JSON.stringify(order)}` : ''
  spans.push({
    ...child('answer'),
    name: 'answer',
    kind: 'llm',
    start: lookedUp,
    end,
    input: {
      messages: [
        { role: 'system', content: `${system}\n\n# ${topic.article}\n${topic.text}${known}` },
        { role: 'user', content: text },
      ],
    },
    output: answer === null ? null : { messages: [{ role: 'assistant', content: answer }] },
    error,
    model: variant.model,
    ...(answer === null ? {} : { tokens: execution.tokens }),
  })
  return { id, spans }
}

export function referenceOf({ topic, words }: Question): object {
  return { answer: filled(topic.right, words) }
}
