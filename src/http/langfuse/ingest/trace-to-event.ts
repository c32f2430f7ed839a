import { z } from 'zod'
import type { JsonText } from '../../../domain/entities.ts'
import { eventVersion, type EventOf } from '../../../domain/events.ts'
import { resolveId } from '../../../domain/ids.ts'
import { defaultEnvironment, normalizeEnvironment } from '../../../domain/environment.ts'
import {
  clearable,
  kept,
  metadataPatch,
  readPayloads,
  weakVersion,
  writtenAt,
  type EventOrigin,
} from './payload-patch.ts'
import { clientId, strictInstant, text } from '../requests.ts'

/** Sessions and users are in an index, which limits the length of their names. */
export const lookupName = text.pipe(z.string().max(500))

/** TraceBody (contracts/langfuse.md 2.7). `input`, `output` and `metadata` stay JSON text. */
export const traceBody = z.object({
  id: clientId.nullish(),
  timestamp: strictInstant.nullish(),
  name: text.pipe(z.string().max(1000)).nullish(),
  externalId: z.string().nullish(),
  input: z.unknown().optional(),
  output: z.unknown().optional(),
  metadata: z.unknown().optional(),
  sessionId: lookupName.nullish(),
  userId: lookupName.nullish(),
  environment: z.unknown().optional(),
  release: text.nullish(),
  version: text.nullish(),
  public: z.boolean().nullish(),
  tags: z.array(text).nullish(),
})

/**
 * Translates the body of a trace by the rules of contracts/langfuse.md 3.2.
 * @param id the client's id of the trace
 * @param members the JSON text of each field of the body
 * @param experimentId the project that the trace goes to
 * @throws LangfuseError 400
 */
export function traceToEvents(
  id: string,
  body: z.output<typeof traceBody>,
  members: ReadonlyMap<string, JsonText>,
  experimentId: string,
  origin: EventOrigin,
): EventOf<'trace'>[] {
  const { firm, weak } = readPayloads(members)
  const event: EventOf<'trace'> = {
    kind: 'trace',
    ...resolveId('trace', id),
    version: eventVersion(origin.rank, origin.time, origin.content),
    patch: {
      timestamp: body.timestamp ?? origin.time,
      experimentId,
      ...clearable('name', body.name),
      ...clearable('userId', body.userId),
      ...clearable('threadId', body.sessionId),
      ...clearable('release', body.release),
      ...clearable('version', body.version),
      ...kept('isPublic', body.public),
      ...kept('tags', body.tags),
      ...environmentPatch(body.environment),
      ...metadataPatch(members),
      ...firm,
      ...writtenAt(origin),
    },
  }
  if (Object.keys(weak).length === 0) return [event]
  return [event, { ...event, version: weakVersion(origin), patch: { experimentId, ...weak } }]
}

/** An absent environment keeps what another event named. An invalid one is no error (contracts/langfuse.md 3.4). */
export function environmentPatch(sent: unknown): { environment?: string } {
  if (sent === undefined || sent === null) return {}
  return { environment: typeof sent === 'string' ? normalizeEnvironment(sent) : defaultEnvironment }
}
