import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Clock } from '../../domain/clock.ts'
import { familyOf, hasCondition, type Filter } from '../../domain/filter.ts'
import { stringifyWithRaw } from '../../domain/raw-json.ts'
import { fromEpochMs, toEpochMs, type Timestamp } from '../../domain/timestamp.ts'
import type { FeedbackWindow } from '../../store/read/runs/run-filter.ts'
import { answerOf, type DocumentedAnswer } from '../documented-answers.ts'
import { LangsmithError } from './errors.ts'
import { time } from './schemas.ts'

/*
 * What the v2 routes share (contracts/langsmith.md 2.10.1).
 */

const eventStream = 'text/event-stream'

/** A page of a list, as JSON or as a stream of events. */
export function pageAnswer(item: z.ZodType, more: z.ZodRawShape = {}): DocumentedAnswer {
  const schema = z.object({
    items: z.array(item),
    next_cursor: z.string().nullable(),
    ...more,
  })
  return answerOf(200, { 'application/json': schema, [eventStream]: z.string() })
}

interface Page {
  items: unknown[]
  next_cursor: string | null
}

/**
 * Answers a page: as JSON or, to a request that accepts `text/event-stream`, as JSON Patch (RFC 6902) in one event,
 * which sets the whole document, and the event `end`.
 */
export function sendPage(request: FastifyRequest, reply: FastifyReply, page: Page): FastifyReply {
  reply.header('Vary', 'Accept')
  if (!request.headers.accept?.includes(eventStream)) return reply.send(page)
  const patch = stringifyWithRaw([{ op: 'add', path: '', value: page }])
  // JSON has no line breaks of its own.
  return reply.type(eventStream).send(`event: data\ndata: ${patch}\n\nevent: end\ndata: {}\n\n`)
}

/** Body: conditions that a language model would have to judge. */
export const semanticFields = { ai_search: z.string().nullish(), sem_filter: z.string().nullish() }

/** @throws LangsmithError 422 for the first of these fields that the request sets */
export function refuseFields<Body extends object>(
  body: Body,
  ...names: (keyof Body & string)[]
): void {
  const name = names.find((each) => (body[each] ?? '') !== '')
  if (name !== undefined) throw new LangsmithError(422, `${name} is not supported`)
}

/** Where lists begin that do not say from when: one day ago. */
export function dayAgo(clock: Clock): Timestamp {
  return fromEpochMs(toEpochMs(clock.now()) - 24 * 3600 * 1000)!
}

/** Body: when the feedback was last changed that conditions on feedback are about. */
export const feedbackWindowFields = {
  min_feedback_modified_at: time.nullish(),
  max_feedback_modified_at: time.nullish(),
}

/**
 * @param filters those whose conditions on feedback are meant
 * @throws LangsmithError 400 when there is a bound but no condition on feedback
 */
export function readFeedbackWindow(
  asked: { [Name in keyof typeof feedbackWindowFields]?: Timestamp | null | undefined },
  filters: readonly (Filter | undefined)[],
): FeedbackWindow | undefined {
  const from = asked.min_feedback_modified_at ?? undefined
  const before = asked.max_feedback_modified_at ?? undefined
  if (from === undefined && before === undefined) return undefined
  const isAboutFeedback = filters.some(
    (filter) =>
      filter !== undefined &&
      hasCondition(filter, (condition) => familyOf(condition) === 'feedback'),
  )
  if (!isAboutFeedback) {
    throw new LangsmithError(
      400,
      'min_feedback_modified_at and max_feedback_modified_at need a filter with a condition on feedback',
    )
  }
  return { from, before }
}
