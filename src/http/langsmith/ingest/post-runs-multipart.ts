import { createHash, hash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { attachmentsMap, type Attachment } from '../../../domain/attachments.ts'
import type { JsonText } from '../../../domain/entities.ts'
import { eventVersion, type EventOf } from '../../../domain/events.ts'
import { isUuid } from '../../../domain/ids.ts'
import { sliceMembers } from '../../../domain/json.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import { messageAnswer } from '../../answer-schemas.ts'
import { acceptEvents } from '../../ingest.ts'
import { MultipartError, readMultipart, type Part } from '../../multipart.ts'
import type { App, Services } from '../../services.ts'
import { keepAttachment } from '../attachments.ts'
import { invalid, LangsmithError } from '../errors.ts'
import {
  keepFeedbackConfigs,
  readFeedbackConfig,
  type GivenFeedbackConfig,
} from '../feedback/feedback-config.ts'
import { readFeedbackRules } from '../feedback/feedback-rules.ts'
import { feedbackToEvent } from '../feedback/feedback-to-event.ts'
import {
  multipartLimit,
  partsSchema,
  problemOfJson,
  readText,
  streamMultipart,
} from '../multipart-body.ts'
import { unvalidated } from '../payload-values.ts'
import { refusedError, translateRuns, type RefusedRun, type RunPayload } from './run-to-events.ts'

const partNames = [
  'post.{run_id}',
  'post.{run_id}.inputs',
  'patch.{run_id}',
  'patch.{run_id}.outputs',
  'feedback.{run_id}',
  'attachment.{run_id}.{filename}',
]

/**
 * `POST /runs/multipart`: creates and updates of runs, feedback and attachments, mixed and in any order. When some are
 * refused, the others are stored all the same, and the answer names the refused ones (contracts/langsmith.md 2.6.2).
 */
export function postRunsMultipart(app: App, services: Services): void {
  const bodyLimit = multipartLimit(app)
  streamMultipart(app, (scope) => {
    scope.post(
      '/runs/multipart',
      {
        bodyLimit,
        schema: {
          tags: ['runs'],
          summary: 'Create and update runs, feedback and attachments',
          consumes: ['multipart/form-data'],
          body: partsSchema(partNames),
          response: { 202: messageAnswer },
        },
        config: { errorShape: 'error', isIngest: true },
        validatorCompiler: unvalidated,
      },
      async (request, reply) => {
        const { tenantId } = request.principal
        const now = services.clock.now()
        const received = await readOperations(request, async (name, part) =>
          keepAttachment(services, tenantId, name, part, bodyLimit),
        )
        const { payloads, configs, ...rest } = translate(received.operations, now)
        const { feedback, refused } = await withinRules(services, tenantId, rest)
        refused.push(...received.refused)
        const alone = giveAttachments(payloads, received)
        await keepFeedbackConfigs(services, request.principal, configs)
        const translated = await translateRuns(services, tenantId, payloads)
        const events = [
          ...translated.events,
          ...feedback,
          ...alone.map(([runId, attachments]) => attachmentsEvent(runId, attachments, now)),
        ]
        await acceptEvents(services, request, events, { isInteractive: false })
        refused.push(...translated.refused)
        request.countRefused(refused.length)
        if (refused.length > 0) throw refusedError(refused)
        return reply.code(202).send({ message: 'Runs batch ingested' })
      },
    )
  })
}

/**
 * The parts of one create or update of a run, or of one piece of feedback: a main part, and one for each large field.
 */
interface Operation {
  kind: 'post' | 'patch' | 'feedback'
  id: string
  /** The text of each part by its field's name. The main part, which may be missing, has the empty name. */
  texts: Map<string, JsonText>
  /** What is wrong with the first bad part; it makes the whole operation be refused. */
  error: { part: string; message: string } | null
}

/** What a body held. */
interface Received {
  operations: Operation[]
  /** Attachments by the id of their run. */
  attachments: Map<string, Attachment[]>
  refused: RefusedRun[]
}

const fieldNames = ['inputs', 'outputs', 'events', 'error', 'extra', 'serialized']

const partName = /^(?:(post|patch|feedback)\.([^.]+)(?:\.([^.]*))?|attachment\.([^.]+)\.(.+))$/s

/**
 * Reads the parts in the order they come. Attachments are streamed to `keep`; all other parts are read as text.
 * @throws LangsmithError 422 when the body is not multipart or breaks off; attachments before that stay in the blob
 * store
 */
async function readOperations(
  request: FastifyRequest,
  keep: (name: string, part: Part) => Promise<Attachment>,
): Promise<Received> {
  const body = request.body as AsyncIterable<Buffer>
  const contentType = request.headers['content-type'] ?? ''
  const operations: Operation[] = []
  const attachments = new Map<string, Attachment[]>()
  const refused: RefusedRun[] = []
  const refuse = (runId: string | null, part: string, message: string): void => {
    const loc = ['body', part.slice(0, 200)]
    refused.push({ runId, loc, error: invalid(loc, message) })
  }
  const current = new Map<string, Operation>()
  try {
    for await (const part of readMultipart(body, contentType)) {
      const [, kind, id, field = '', runId, name] = partName.exec(part.name) ?? []
      if (runId !== undefined && name !== undefined) {
        if (isUuid(runId)) {
          const id = runId.toLowerCase()
          attachments.set(id, [...(attachments.get(id) ?? []), await keep(name, part)])
        } else refuse(runId.slice(0, 100), part.name, 'run id should be a valid UUID')
        continue
      }
      if (kind === undefined || id === undefined) {
        refuse(null, part.name, 'Unknown kind of part')
        continue
      }
      const text = await readText(part, request)
      let operation = current.get(`${kind}.${id}`)
      // A part of the same name again starts another operation: a body may hold several updates of one run.
      if (operation === undefined || operation.texts.has(field)) {
        operation = { kind: kind as Operation['kind'], id, texts: new Map(), error: null }
        operations.push(operation)
        current.set(`${kind}.${id}`, operation)
      }
      operation.texts.set(field, text)
      const message = problemOf(operation.kind, field, text)
      if (message !== null) operation.error ??= { part: part.name.slice(0, 200), message }
    }
  } catch (error) {
    if (!(error instanceof MultipartError)) throw error
    const reason = `error reading multipart data: ${error.message}`
    throw new LangsmithError(422, `Unprocessable entity: ${reason}`)
  }
  return { operations, attachments, refused }
}

/** Large fields only have to be JSON, because their text is stored as it is. @returns what is wrong, or null */
function problemOf(kind: Operation['kind'], field: string, text: JsonText): string | null {
  if (field !== '' && (kind === 'feedback' || !fieldNames.includes(field))) return 'Unknown field'
  const problem = problemOfJson(text)
  if (problem !== null) return problem
  return field === '' && !text.startsWith('{') ? 'Input should be an object' : null
}

/**
 * Translates operations to payloads of runs and events of feedback. Bad ones are refused without affecting the others.
 */
function translate(
  operations: readonly Operation[],
  now: Timestamp,
): {
  payloads: RunPayload[]
  feedback: EventOf<'feedback'>[]
  configs: GivenFeedbackConfig[]
  refused: RefusedRun[]
} {
  const payloads: RunPayload[] = []
  const feedback: EventOf<'feedback'>[] = []
  const configs: GivenFeedbackConfig[] = []
  const refused: RefusedRun[] = []
  for (const { kind, id, texts, error } of operations) {
    const loc = ['body', `${kind}.${id}`]
    const content = digest(texts)
    try {
      if (error !== null) throw invalid(['body', error.part], error.message)
      const fields = sliceMembers(texts.get('') ?? '{}')
      for (const [name, text] of texts) if (name !== '') fields.set(name, text)
      if (kind === 'feedback') {
        fields.set('id', JSON.stringify(id))
        const event = feedbackToEvent(fields, content, now, loc)
        configs.push(...readFeedbackConfig(event.patch.key, fields, loc))
        feedback.push(event)
      } else {
        payloads.push({
          operation: kind === 'post' ? 'create' : 'update',
          id,
          fields,
          content,
          loc,
        })
      }
    } catch (refusal) {
      if (!(refusal instanceof LangsmithError)) throw refusal
      refused.push({ runId: id, loc, error: refusal })
    }
  }
  return { payloads, feedback, configs, refused }
}

/** Takes out the feedback that breaks the rules of its key. */
async function withinRules(
  services: Services,
  tenantId: string,
  { feedback, refused }: { feedback: EventOf<'feedback'>[]; refused: RefusedRun[] },
): Promise<{ feedback: EventOf<'feedback'>[]; refused: RefusedRun[] }> {
  const keys = feedback.map(({ patch }) => patch.key)
  const rules = await readFeedbackRules(services, tenantId, keys)
  const kept: EventOf<'feedback'>[] = []
  const broken: RefusedRun[] = []
  for (const event of feedback) {
    const problem = rules(event.patch.key, event.patch)
    const loc = ['body', `feedback.${event.id}`]
    if (problem === null) kept.push(event)
    else broken.push({ runId: event.id, loc, error: invalid(loc, problem) })
  }
  return { feedback: kept, refused: [...refused, ...broken] }
}

/** Up to here a copy costs less than a hash object. */
const joinedLength = 65_536

/** A hash that tells operations apart and ignores the order of their parts. */
function digest(texts: ReadonlyMap<string, JsonText>): string {
  const names = [...texts.keys()].toSorted()
  let length = 0
  for (const text of texts.values()) length += text.length
  const headOf = (name: string): string => `${name}:${texts.get(name)!.length}:`
  if (length <= joinedLength) {
    return hash('sha1', names.map((name) => headOf(name) + texts.get(name)!).join(''))
  }
  const whole = createHash('sha1')
  for (const name of names) whole.update(headOf(name)).update(texts.get(name)!)
  return whole.digest('hex')
}

/**
 * Adds attachments to the create of their run, or else to its first update. There they share its version, so a repeated
 * body changes nothing.
 * @returns the attachments of runs that the body does not mention otherwise
 */
function giveAttachments(
  payloads: readonly RunPayload[],
  { operations, attachments }: Received,
): [runId: string, Attachment[]][] {
  const alone = new Map(attachments)
  const creates = payloads.filter(({ operation }) => operation === 'create')
  const updates = payloads.filter(({ operation }) => operation === 'update')
  for (const payload of [...creates, ...updates]) {
    const runId = payload.id?.toLowerCase() ?? ''
    const given = alone.get(runId)
    if (given === undefined) continue
    payload.attachments = given
    alone.delete(runId)
  }
  // Attachments of a refused run are dropped with it.
  for (const { kind, id } of operations) if (kind !== 'feedback') alone.delete(id.toLowerCase())
  return [...alone]
}

/** An update of nothing but attachments: like any update it waits for its run. */
function attachmentsEvent(
  id: string,
  attachments: readonly Attachment[],
  now: Timestamp,
): EventOf<'run'> {
  const map = attachmentsMap(attachments)
  const version = eventVersion('update', now, JSON.stringify(map))
  const patch = { attachments: map, createdAt: now, updatedAt: now }
  return { kind: 'run', id, externalId: null, version, patch }
}
