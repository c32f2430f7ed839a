import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { IngestEvent } from '../../domain/events.ts'
import { deriveId, storableText } from '../../domain/ids.ts'
import { RawJson } from '../../domain/raw-json.ts'
import type { IngestJob } from '../../queue/catalog.ts'
import {
  deadLetterCountByReason,
  deadLetterFind,
  deadLetterList,
  deadLetterListAmong,
  deadLetterListEvents,
  type KeptEvent,
} from '../../store/read/dead-letters.ts'
import { blobUpdateUsed } from '../../store/write/blobs/blobs.ts'
import {
  deadLetterDeleteMany,
  deadLetterDeleteSome,
  deadLetterId,
} from '../../store/write/dead-letters.ts'
import { anyAnswer, timeAnswer, uuidAnswer } from '../answer-schemas.ts'
import type { App, Services } from '../services.ts'
import { readCursor, writeCursor } from './cursor.ts'
import { RunmillError } from './errors.ts'
import { tenantOf, tenantParameter } from './other-tenant.ts'

const tags = ['runmill']

const letterAnswer = z.object({
  id: uuidAnswer,
  kind: z.string(),
  row_id: uuidAnswer.describe('The row that the event is about'),
  reason: z.string(),
  received_at: timeAnswer,
  created_at: timeAnswer,
})

/** Which ones. A replay or discard by anything else is refused: leaving that out would choose more than was asked for. */
const chosen = {
  kind: z.enum(['run', 'trace', 'run_item', 'feedback']).optional(),
  reason: z
    .string()
    .min(1)
    .max(500)
    .transform(storableText)
    .optional()
    .describe('A part of the reason, in upper or lower case'),
  reason_id: z.hash('sha256').optional().describe('The id of a reason, as it was answered'),
}

const before = z.iso
  .datetime({ offset: true })
  .optional()
  .describe('Only those that were kept before; without it, before now')

const place = z.tuple([z.iso.datetime({ offset: true }), z.guid()])

/** A reason, with how many dead letters have it. */
export const countedReason = z.object({
  id: z
    .string()
    .describe('Names the reason in `reason_id`: reasons are long, and hold values of clients'),
  reason: z.string(),
  count: z.int(),
})

const params = z.object({ letter_id: z.guid().toLowerCase() })
const querystring = z.object(tenantParameter)

/** What one request replays, and discards, at most. */
const replayedAtOnce = { events: 200, bytes: 4 * 1_048_576 }
const discardedAtOnce = 1000

/** Dead letters are counted over so many. */
export const countedLetters = 1000

const replayedAnswer = z.object({
  replayed: z.int(),
  applied: z
    .int()
    .describe('Those that were applied before this answer, and were not refused again'),
  refused: z.array(uuidAnswer).describe('Those that were refused again, under their new ids'),
})

/** `/api/runmill/dead-letters`: events that the database refused (SPEC I5). */
export function deadLetterRoutes(app: App, services: Services): void {
  const { db, clock } = services

  app.get(
    '/dead-letters',
    {
      schema: {
        tags,
        summary: 'List events that could not be applied, newest first',
        querystring: z.object({
          ...tenantParameter,
          ...chosen,
          limit: z.coerce.number().int().min(1).max(100).default(50),
          cursor: z.string().max(500).optional(),
        }),
        response: {
          200: z.object({
            dead_letters: z.array(letterAnswer.extend({ bytes: z.int() })),
            next_cursor: z.string().nullable(),
          }),
        },
      },
    },
    async (request) => {
      const { tenant_id, limit, cursor, reason_id: reasonId, ...filter } = request.query
      const tenantId = tenantOf(request, tenant_id)
      const [receivedAt, id] = cursor === undefined ? [] : readCursor(place, cursor)
      const after = receivedAt === undefined || id === undefined ? null : { receivedAt, id }
      const found = await deadLetterList(db, tenantId, { ...filter, reasonId }, after, limit + 1)
      const shown = found.slice(0, limit)
      const last = found.length > limit ? shown.at(-1) : undefined
      return {
        dead_letters: shown.map((row) => ({ ...letterFromRow(row), bytes: row.bytes })),
        next_cursor: last === undefined ? null : writeCursor([last.receivedAt, last.id]),
      }
    },
  )

  app.get(
    '/dead-letters/reasons',
    {
      schema: {
        tags,
        summary: `Count events that could not be applied by reason, over the newest ${countedLetters}`,
        querystring,
        response: {
          200: z.object({ reasons: z.array(countedReason) }),
        },
      },
    },
    async (request) => {
      const tenantId = tenantOf(request, request.query.tenant_id)
      return { reasons: await deadLetterCountByReason(db, tenantId, countedLetters) }
    },
  )

  app.get(
    '/dead-letters/:letter_id',
    {
      schema: {
        tags,
        summary: 'Read an event that could not be applied, in full',
        params,
        querystring,
        response: { 200: letterAnswer.extend({ event: anyAnswer }) },
      },
    },
    async (request) => {
      const row = await find(request, request.query.tenant_id, request.params.letter_id)
      return { ...letterFromRow(row), event: new RawJson(row.event) }
    },
  )

  app.post(
    '/dead-letters/:letter_id/replay',
    {
      schema: {
        tags,
        summary: 'Put an event that could not be applied into the queue again',
        params,
        querystring,
        response: { 200: replayedAnswer },
      },
    },
    async (request) => {
      const tenantId = tenantOf(request, request.query.tenant_id)
      const letter = await find(request, request.query.tenant_id, request.params.letter_id)
      return replay(services, tenantId, [letter])
    },
  )

  app.post(
    '/dead-letters/replay',
    {
      schema: {
        tags,
        summary: 'Put events that could not be applied into the queue again, the newest first',
        description: `At most ${replayedAtOnce.events} in a request. While \`has_more\`, repeat it with the \`before\` of the answer: so what is refused again is not replayed for ever.`,
        querystring,
        body: z.strictObject({ ...chosen, before }),
        response: { 200: replayedAnswer.extend({ has_more: z.boolean(), before: timeAnswer }) },
      },
    },
    async (request) => {
      const tenantId = tenantOf(request, request.query.tenant_id)
      const { reason_id: reasonId, before: until = clock.now(), ...rest } = request.body
      const filter = { ...rest, reasonId, before: until }
      const letters = await deadLetterListEvents(db, tenantId, filter, replayedAtOnce)
      const replayed = await replay(services, tenantId, letters)
      const [left] = await deadLetterListEvents(db, tenantId, filter, { events: 1, bytes: 1 })
      return { ...replayed, has_more: left !== undefined, before: filter.before }
    },
  )

  app.delete(
    '/dead-letters/:letter_id',
    {
      schema: {
        tags,
        summary: 'Discard an event that could not be applied',
        params,
        querystring,
        response: { 200: z.object({ discarded: z.int() }) },
      },
    },
    async (request) => {
      const tenantId = tenantOf(request, request.query.tenant_id)
      const discarded = await deadLetterDeleteMany(db, tenantId, [request.params.letter_id])
      if (discarded === 0) throw notFound()
      return { discarded }
    },
  )

  app.delete(
    '/dead-letters',
    {
      schema: {
        tags,
        summary: 'Discard events that could not be applied, the newest first',
        description: `At most ${discardedAtOnce} in a request: repeat it while \`has_more\`.`,
        querystring: z.strictObject({
          ...tenantParameter,
          ...chosen,
          before,
          all: z.enum(['true']).optional().describe('Needed where nothing else chooses them'),
        }),
        response: { 200: z.object({ discarded: z.int(), has_more: z.boolean() }) },
      },
    },
    async (request) => {
      const { tenant_id, all, reason_id: reasonId, ...rest } = request.query
      const filter = { ...rest, reasonId }
      const tenantId = tenantOf(request, tenant_id)
      if (all === undefined && Object.values(filter).every((each) => each === undefined)) {
        throw new RunmillError(400, 'Say which ones: kind, reason or before; or all=true')
      }
      const asked = { ...filter, before: filter.before ?? clock.now() }
      const discarded = await deadLetterDeleteSome(db, tenantId, asked, discardedAtOnce)
      return { discarded, has_more: discarded === discardedAtOnce }
    },
  )

  async function find(request: FastifyRequest, asked: string | undefined, id: string) {
    const row = await deadLetterFind(db, tenantOf(request, asked), id)
    if (row === null) throw notFound()
    return row
  }
}

/**
 * Puts events into the queue again, and removes them from the dead letters once they are there. A batch that is derived
 * from the letter makes a repeat harmless: the event is applied as if sent twice (SPEC I2), and refused into one letter.
 */
async function replay(
  { db, queue, backlog, clock, interactiveWaitMs }: Services,
  tenantId: string,
  letters: readonly { id: string; event: string }[],
): Promise<z.output<typeof replayedAnswer>> {
  if (letters.length === 0) return { replayed: 0, applied: 0, refused: [] }
  backlog.assertRoom(tenantId)
  const jobs = letters.map(
    ({ id, event }): IngestJob => ({
      batchId: deriveId('replay', id),
      tenantId,
      receivedAt: clock.now(),
      events: [JSON.parse(event) as IngestEvent],
    }),
  )
  // Once the letters are gone, nothing may refer to what is attached until the events are applied.
  for (const blobId of new Set(jobs.flatMap(({ events }) => events.flatMap(blobIdsOf)))) {
    await blobUpdateUsed(db, tenantId, blobId, clock.now())
  }
  const watches = jobs.map(({ batchId }) => queue.watchApplied(batchId))
  try {
    // A copy, because the list is emptied.
    await backlog.enqueue(jobs.length === 1 ? 'ingest-interactive' : 'ingest', [...jobs])
    const ids = letters.map(({ id }) => id)
    await deadLetterDeleteMany(db, tenantId, ids)
    const isDone = await Promise.all(watches.map(async (watch) => watch.wait(interactiveWaitMs)))
    const again = jobs.map(({ batchId, events }) => deadLetterId(batchId, events[0]!))
    const refused = await deadLetterListAmong(db, tenantId, again)
    const done = isDone.filter((each) => each).length
    return { replayed: jobs.length, applied: Math.max(0, done - refused.length), refused }
  } finally {
    for (const watch of watches) watch.cancel()
  }
}

/** Ids of the blobs that an event attaches to its run. */
function blobIdsOf(event: IngestEvent): string[] {
  const attachments = event.kind === 'run' ? (event.patch.attachments ?? {}) : {}
  return Object.values(attachments).flatMap(
    (attachment) => /"blob_id":"([0-9a-f-]{36})"/.exec(attachment)?.[1] ?? [],
  )
}

function notFound(): RunmillError {
  return new RunmillError(404, 'There is no such dead letter: it was replayed or discarded')
}

function letterFromRow({ id, kind, rowId, reason, receivedAt, createdAt }: KeptEvent) {
  return { id, kind, row_id: rowId, reason, received_at: receivedAt, created_at: createdAt }
}
