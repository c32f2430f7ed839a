import { z } from 'zod'
import { toMillisecondIso } from '../../../domain/timestamp.ts'
import type { TraceColumns, TraceRow } from '../../../store/read/traces/traces.ts'
import { shownJson, shownTime } from '../requests.ts'
import { storedJson, storedMetadata } from '../stored-json.ts'

/** Groups of fields of a trace; the core is always answered (contracts/langfuse.md 2.9). */
const groups = ['io', 'scores', 'observations', 'metrics'] as const

export type TraceGroup = (typeof groups)[number]

/** @param fields names of groups. Unknown names are ignored; without a known one, all groups are meant */
export function traceGroupsOf(fields: readonly string[] = []): ReadonlySet<TraceGroup> {
  const asked = groups.filter((group) => fields.includes(group))
  return new Set(asked.length === 0 && !fields.includes('core') ? groups : asked)
}

/** What has to be read for the groups. */
export function traceColumnsOf(asked: ReadonlySet<TraceGroup>): TraceColumns {
  return {
    io: asked.has('io'),
    metrics: asked.has('metrics'),
    observationIds: asked.has('observations'),
    scoreIds: asked.has('scores'),
  }
}

export function traceIdOf(row: TraceRow): string {
  return row.externalId ?? row.id
}

export const traceAnswer = z
  .object({
    id: z.string(),
    externalId: z.null(),
    timestamp: shownTime,
    name: z.string().nullable(),
    userId: z.string().nullable(),
    metadata: z.record(z.string(), shownJson),
    release: z.string().nullable(),
    version: z.string().nullable(),
    projectId: z.string(),
    environment: z.string(),
    public: z.boolean(),
    bookmarked: z.boolean(),
    tags: z.array(z.string()),
    input: shownJson,
    output: shownJson,
    sessionId: z.string().nullable(),
    createdAt: shownTime,
    updatedAt: shownTime,
  })
  .meta({ id: 'LangfuseTrace' })

export const traceDetailsAnswer = traceAnswer.extend({
  htmlPath: z.string(),
  latency: z.number(),
  totalCost: z.number(),
})

/** Trace as a session shows it (contracts/langfuse.md 2.9, 2.16). */
export function traceFromRow(tenantId: string, row: TraceRow): z.output<typeof traceAnswer> {
  return {
    id: traceIdOf(row),
    externalId: null,
    timestamp: toMillisecondIso(row.timestamp),
    name: row.name,
    userId: row.userId,
    metadata: storedMetadata(row.metadata),
    release: row.release,
    version: row.version,
    projectId: tenantId,
    environment: row.environment,
    public: row.isPublic,
    bookmarked: false,
    tags: row.tags ?? [],
    input: storedJson(row.inputs),
    output: storedJson(row.outputs),
    sessionId: row.threadId,
    createdAt: toMillisecondIso(row.createdAt),
    updatedAt: toMillisecondIso(row.updatedAt ?? row.createdAt),
  }
}

/** Trace as lists and single reads show it. A latency or cost that was not read is -1. */
export function traceDetails(tenantId: string, row: TraceRow): z.output<typeof traceDetailsAnswer> {
  return {
    ...traceFromRow(tenantId, row),
    htmlPath: `/project/${tenantId}/traces/${encodeURIComponent(traceIdOf(row))}`,
    latency: row.latency === null ? -1 : Number(row.latency),
    totalCost: row.totalCost === null ? -1 : Number(row.totalCost),
  }
}
