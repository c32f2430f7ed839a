import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { JsonText } from '../../domain/entities.ts'
import type { IngestEvent } from '../../domain/events.ts'
import { isUuid } from '../../domain/ids.ts'
import { isTooDeep, sliceMembers } from '../../domain/json.ts'
import type { Timestamp } from '../../domain/timestamp.ts'
import { acceptEvents } from '../ingest.ts'
import { MultipartError, readMultipart, type Part } from '../multipart.ts'
import type { App, HttpParts } from '../parts.ts'
import { invalid, LangsmithError } from './errors.ts'
import {
  keepFeedbackConfigs,
  readFeedbackConfig,
  type GivenFeedbackConfig,
} from './feedback-config.ts'
import { feedbackToEvent } from './feedback-to-event.ts'
import { unvalidated } from './payload-values.ts'
import { accepted } from './run-payload.ts'
import { refusedError, translateRuns, type RefusedRun, type RunPayload } from './run-to-events.ts'

/** Where the bytes of attachments go. */
export interface AttachmentSink {
  /**
   * Keeps one attachment of a run that may not have arrived yet; the same run and name again replaces it.
   * @param mimeType as sent, without a `length` parameter
   * @param body the bytes, as they arrive: reads as fast as it can keep them
   */
  put(
    tenantId: string,
    runId: string,
    name: string,
    mimeType: string,
    body: AsyncIterable<Buffer>,
  ): Promise<void>
}

/** Smallest limit of a multipart body, in bytes after decompression (contracts/langsmith.md 2.4.3). */
const minBodyLimit = 100 * 1_048_576

/**
 * `POST /runs/multipart`: creates and updates of runs, feedback and attachments, mixed and in any order. The good ones are
 * stored even when others are refused, and the answer names those (contracts/langsmith.md 2.6.2; DESIGN 8).
 */
export function postRunsMultipart(
  app: App,
  { attachments, ...parts }: HttpParts & { attachments: AttachmentSink },
): void {
  // A scope of its own: only here is a body handed over unread.
  app.register(async (scope: App) => {
    scope.addContentTypeParser('multipart/form-data', (_request, payload, done) => {
      done(null, payload)
    })
    scope.post(
      '/runs/multipart',
      {
        bodyLimit: Math.max(app.initialConfig.bodyLimit ?? 0, minBodyLimit),
        schema: {
          tags: ['runs'],
          summary: 'Create and update runs, feedback and attachments',
          consumes: ['multipart/form-data'],
          body: z.unknown(),
          response: { 202: accepted },
        },
        config: { errorShape: 'error' },
        validatorCompiler: unvalidated,
      },
      async (request, reply) => {
        const { tenantId } = request.principal
        const contentType = request.headers['content-type'] ?? ''
        const body = request.body as AsyncIterable<Buffer>
        const now = parts.clock.now()
        const received = await readOperations(body, contentType, async (runId, name, part) =>
          attachments.put(tenantId, runId, name, mimeTypeOf(part.contentType), part.body),
        )
        const { payloads, feedback, configs, refused } = translate(received.operations, now)
        refused.push(...received.refused)
        await keepFeedbackConfigs(parts, request.principal, configs)
        const translated = await translateRuns(parts, tenantId, payloads)
        await acceptEvents(parts, request, [...translated.events, ...feedback], {
          isInteractive: false,
        })
        refused.push(...translated.refused)
        if (refused.length > 0) throw refusedError(refused)
        return reply.code(202).send({ message: 'Runs batch ingested' })
      },
    )
  })
}

/** The parts of one run's create or update, or of one piece of feedback: the main one and the large fields. */
interface Operation {
  kind: 'post' | 'patch' | 'feedback'
  id: string
  /** The main part under the empty name, which may be missing; the others under their field's name. */
  texts: Map<string, JsonText>
  /** Of its first bad part: the whole operation is refused. */
  error: { part: string; message: string } | null
}

const fieldNames = ['inputs', 'outputs', 'events', 'error', 'extra', 'serialized']

const partName = /^(?:(post|patch|feedback)\.([^.]+)(?:\.([^.]*))?|attachment\.([^.]+)\.(.+))$/s

/**
 * Reads the parts in the order they come. Attachments are handed on as a stream; everything else is text afterwards.
 * @throws LangsmithError 422 when the body is no multipart or breaks off; attachments before that are kept
 */
async function readOperations(
  body: AsyncIterable<Buffer>,
  contentType: string,
  keepAttachment: (runId: string, name: string, part: Part) => Promise<void>,
): Promise<{ operations: Operation[]; refused: RefusedRun[] }> {
  const operations: Operation[] = []
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
        if (isUuid(runId)) await keepAttachment(runId.toLowerCase(), name, part)
        else refuse(runId.slice(0, 100), part.name, 'run id should be a valid UUID')
        continue
      }
      if (kind === undefined || id === undefined) {
        refuse(null, part.name, 'Unknown kind of part')
        continue
      }
      const text = await readText(part)
      let operation = current.get(`${kind}.${id}`)
      // The same part again is another operation: clients may send several updates of a run in one body.
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
  return { operations, refused }
}

async function readText(part: Part): Promise<JsonText> {
  const chunks: Buffer[] = []
  for await (const chunk of part.body) chunks.push(chunk)
  const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
  return bytes.toString('utf8').trim()
}

/** Large fields are only checked to be JSON; their text is what is stored. */
function problemOf(kind: Operation['kind'], field: string, text: JsonText): string | null {
  if (field !== '' && (kind === 'feedback' || !fieldNames.includes(field))) return 'Unknown field'
  if (isTooDeep(text)) return 'JSON nests too deep'
  try {
    JSON.parse(text)
  } catch {
    return 'Invalid JSON'
  }
  return field === '' && !text.startsWith('{') ? 'Input should be an object' : null
}

/** Operations as payloads of runs and as events of feedback; bad ones do not hold up the others. */
function translate(
  operations: readonly Operation[],
  now: Timestamp,
): {
  payloads: RunPayload[]
  feedback: IngestEvent[]
  configs: GivenFeedbackConfig[]
  refused: RefusedRun[]
} {
  const payloads: RunPayload[] = []
  const feedback: IngestEvent[] = []
  const configs: GivenFeedbackConfig[] = []
  const refused: RefusedRun[] = []
  for (const { kind, id, texts, error } of operations) {
    const loc = ['body', `${kind}.${id}`]
    const content = digest(texts)
    const fields = sliceMembers(texts.get('') ?? '{}')
    for (const [name, text] of texts) if (name !== '') fields.set(name, text)
    try {
      if (error !== null) throw invalid(['body', error.part], error.message)
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

/** Tells operations apart, whatever the order of their parts; joined, the texts would be in memory twice. */
function digest(texts: ReadonlyMap<string, JsonText>): string {
  const hash = createHash('sha1')
  for (const name of [...texts.keys()].toSorted()) {
    const text = texts.get(name) ?? ''
    hash.update(`${name}:${text.length}:`).update(text)
  }
  return hash.digest('hex')
}

/** JavaScript's clients add the part's length to the type (contracts/langsmith.md 2.4.3). */
function mimeTypeOf(contentType: string | null): string {
  return (contentType ?? 'application/octet-stream')
    .replace(/;\s*length=\d+\s*(?=;|$)/gi, '')
    .trim()
}
