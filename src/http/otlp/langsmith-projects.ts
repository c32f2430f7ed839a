import { eventVersion, type EventOf } from '../../domain/events.ts'
import { isUuid, runItemId } from '../../domain/ids.ts'
import { parseTimestamp } from '../../domain/timestamp.ts'
import { experimentListKnown } from '../../store/read/experiments/known-experiments.ts'
import type { Services } from '../services.ts'
import { textOf } from './attribute-reader.ts'
import type { Span } from './decode.ts'
import { idsOf, type IdScheme } from './span-ids.ts'

/** The project of spans that name none. LangSmith's clients see them there. */
const defaultName = 'default'

/** As long as Langfuse's longest names, and short enough for an index of Postgres. */
const maxNameLength = 800

/**
 * Finds the project of each span, and makes those that are missing: the session that the span names by id, if it exists,
 * or by name; else that of the header `Langsmith-Project`, which may be an id too; else `default`
 * (contracts/langsmith.md 2.11).
 */
export async function projectsOf(
  { experimentIds, clock }: Pick<Services, 'experimentIds' | 'clock'>,
  tenantId: string,
  spans: readonly Span[],
  header: string | null,
): Promise<(span: Span) => string> {
  const ids = new Set(
    [header, ...spans.map(idOf)].filter((id) => id !== null && isUuid(id)) as string[],
  )
  const existing = await experimentIds.listExisting(
    tenantId,
    [...ids].map((id) => id.toLowerCase()),
  )
  const idAmong = (id: string | null): string | null =>
    id !== null && existing.has(id.toLowerCase()) ? id.toLowerCase() : null
  const headerId = idAmong(header)
  const fallback = headerId === null ? (header ?? defaultName) : null
  const nameFor = (span: Span): string | null =>
    idAmong(idOf(span)) === null ? (nameOf(span) ?? fallback) : null
  const names = [...new Set(spans.map(nameFor).filter((name) => name !== null))]
  const named = await experimentIds.resolveNames(tenantId, names, clock.now())
  return (span) => idAmong(idOf(span)) ?? named.get(nameFor(span) ?? '') ?? headerId!
}

function idOf({ attributes }: Span): string | null {
  return textOf(attributes.get('langsmith.trace.session_id') ?? null)
}

function nameOf({ attributes }: Span): string | null {
  return (
    textOf(attributes.get('langsmith.trace.session_name') ?? null)?.slice(0, maxNameLength) ?? null
  )
}

/** Reads the header that names the project; null when there is none. */
export function projectHeader(value: string | string[] | undefined): string | null {
  const sent = [value].flat()[0]?.trim() ?? ''
  return sent === '' ? null : sent.slice(0, maxNameLength)
}

/**
 * Makes run items of root spans that name an example, as LangSmith's clients do by a field of the root run. A span says
 * all that its item needs, so the same item is made whatever came before.
 */
export async function exampleItemEvents(
  { db }: Pick<Services, 'db'>,
  tenantId: string,
  spans: readonly Span[],
  projectOf: (span: Span) => string,
  scheme: IdScheme,
): Promise<EventOf<'run_item'>[]> {
  const found = spans.flatMap((span) => {
    const exampleId = textOf(span.attributes.get('langsmith.reference_example_id') ?? null)
    if (exampleId === null || !isUuid(exampleId)) return []
    const ids = idsOf(span, scheme)
    if (ids.parent !== null) return []
    return [{ span, ids, exampleId: exampleId.toLowerCase(), experimentId: projectOf(span) }]
  })
  if (found.length === 0) return []
  const experiments = await experimentListKnown(db, tenantId, [
    ...new Set(found.map(({ experimentId }) => experimentId)),
  ])
  return found.map(({ span, ids: { run, trace }, exampleId, experimentId }) => {
    const id = runItemId(experimentId, exampleId, trace.id, run.id)
    const noted = textOf(span.attributes.get('langsmith.metadata.example_version') ?? null)
    const exampleVersion = parseTimestamp(noted ?? '')
    return {
      kind: 'run_item',
      id,
      externalId: null,
      version: eventVersion('create', span.startTime, id),
      patch: {
        experimentId,
        datasetId: experiments.get(experimentId)?.datasetId ?? null,
        exampleId,
        traceId: trace.id,
        externalTraceId: trace.externalId,
        runId: run.id,
        externalRunId: run.externalId,
        ...(exampleVersion === null ? {} : { exampleVersion }),
        createdAt: span.startTime,
      },
    }
  })
}
