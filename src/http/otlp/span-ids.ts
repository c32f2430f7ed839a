import { parseDottedOrder } from '../../domain/dotted-order.ts'
import { isUuid, resolveId, type ResolvedId } from '../../domain/ids.ts'
import type { AttributeValue, Span } from './decode.ts'

/**
 * How the id of a run follows from that of its span. `named`: as of any client's id (architecture.md 4.2). `padded`: the
 * 8 bytes behind 8 zero bytes are the UUID, as LangSmith's SDKs expect (contracts/langsmith.md 2.11).
 */
export type IdScheme = 'named' | 'padded'

/** The trace, the run and the parent that a span stands for. */
export interface SpanIds {
  trace: ResolvedId
  run: ResolvedId
  /** null for a root. */
  parent: ResolvedId | null
}

/** Reads the ids of a span. Those that LangSmith's attributes give come first (contracts/langsmith.md 2.11). */
export function idsOf(span: Span, scheme: IdScheme): SpanIds {
  return createIdReader(scheme)(span)
}

/** As `idsOf`, for the spans of an export: they name each other, and an id is derived once. */
export function createIdReader(scheme: IdScheme): (span: Span) => SpanIds {
  const resolver: Resolver = {
    traceOf: once((traceId) => resolveId('trace', traceId)),
    runOf: once((spanId) => runIdOf(spanId, scheme)),
  }
  return (span) => readIds(span, scheme, resolver)
}

function once<V>(make: (key: string) => V): (key: string) => V {
  const held = new Map<string, V>()
  return (key) => {
    let value = held.get(key)
    if (value === undefined) held.set(key, (value = make(key)))
    return value
  }
}

interface Resolver {
  traceOf(traceId: string): ResolvedId
  runOf(spanId: string): ResolvedId
}

function readIds(
  { traceId, spanId, parentSpanId, attributes }: Span,
  scheme: IdScheme,
  { traceOf, runOf }: Resolver,
): SpanIds {
  const path = pathOf(attributes.get('langsmith.span.dotted_order'))
  const trace = uuidOf(attributes.get('langsmith.trace.id')) ?? path.at(0)
  const run = uuidOf(attributes.get('langsmith.span.id')) ?? path.at(-1)
  return {
    trace: trace === undefined ? traceOf(traceId) : { id: trace, externalId: null },
    run: run === undefined ? runOf(spanId) : { id: run, externalId: null },
    parent: parentOf(),
  }

  function parentOf(): ResolvedId | null {
    if (isTrue(attributes.get('langsmith.is_root'))) return null
    const parent = uuidOf(attributes.get('langsmith.span.parent_id')) ?? path.at(-2)
    if (parent === undefined) return parentSpanId === null ? null : runOf(parentSpanId)
    const padded = paddedSpanId.exec(parent)
    // What is meant is a span, and spans have other ids here.
    if (padded !== null && scheme === 'named') return runOf(`${padded[1]}${padded[2]}`)
    return { id: parent, externalId: null }
  }
}

const paddedSpanId = /^00000000-0000-0000-([0-9a-f]{4})-([0-9a-f]{12})$/

function runIdOf(spanId: string, scheme: IdScheme): ResolvedId {
  if (scheme === 'named') return resolveId('run', spanId)
  return { id: `00000000-0000-0000-${spanId.slice(0, 4)}-${spanId.slice(4)}`, externalId: null }
}

function uuidOf(value: AttributeValue | undefined): string | undefined {
  return typeof value === 'string' && isUuid(value) ? value.toLowerCase() : undefined
}

/** The ids of a dotted order, root first. */
function pathOf(value: AttributeValue | undefined): string[] {
  const segments = typeof value === 'string' ? parseDottedOrder(value) : null
  return segments?.map(({ id }) => id) ?? []
}

function isTrue(value: AttributeValue | undefined): boolean {
  return value === true || value === 'true'
}
