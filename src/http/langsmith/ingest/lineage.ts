import type { Timestamp } from '../../../domain/timestamp.ts'
import { formatDottedOrder, parseDottedOrder, type Segment } from '../../../domain/dotted-order.ts'
import { invalid, LangsmithError } from '../errors.ts'

/** What a request says of a run's place in its trace; null where it says nothing. */
export interface GivenLineage {
  id: string
  isCreate: boolean
  traceId: string | null
  parentRunId: string | null
  dottedOrder: string | null
  startTime: Timestamp | null
  /** The start of a created run when the request names none. */
  now: Timestamp
  /** Where the run is in the request, for error messages. */
  loc: (string | number)[]
}

/** What follows from that; null where the stored run decides. */
export interface Lineage {
  traceId: string | null
  parentRunId: string | null
  dottedOrder: string | null
  startTime: Timestamp | null
}

/**
 * Checks the rules of contracts/langsmith.md 3.1 on the fields that are present, and fills in what follows from them. A
 * created run that names only its parent gets its trace once the parent is stored (store/write/ingest.ts).
 * @throws LangsmithError 400 or 422
 */
export function readLineage(given: GivenLineage): Lineage {
  const { id, isCreate, parentRunId } = given
  if (parentRunId === id) {
    throw invalid([...given.loc, 'parent_run_id'], 'A run cannot be its own parent')
  }
  const segments = given.dottedOrder === null ? null : parseDottedOrder(given.dottedOrder)
  if (given.dottedOrder !== null && segments === null) {
    throw refuse(given, 'dotted_order must be segments YYYYMMDDTHHMMSSffffffZ<uuid> joined by dots')
  }
  if (segments !== null) checkSegments(given, segments)
  const startTime = given.startTime ?? segments?.at(-1)?.time ?? (isCreate ? given.now : null)
  if (segments !== null) {
    return {
      traceId: segments[0]!.id,
      // An update may leave the parent out, but the dotted order names it.
      parentRunId: parentRunId ?? segments.at(-2)?.id ?? null,
      dottedOrder: formatDottedOrder(segments),
      startTime,
    }
  }
  if (!isCreate || parentRunId !== null) {
    return { traceId: given.traceId, parentRunId, dottedOrder: null, startTime }
  }
  if (given.traceId !== null && given.traceId !== id) {
    throw refuse(given, 'trace_id must be the run id for root runs')
  }
  return {
    traceId: id,
    parentRunId: null,
    dottedOrder: startTime === null ? null : formatDottedOrder([{ time: startTime, id }]),
    startTime,
  }
}

function checkSegments(given: GivenLineage, segments: readonly Segment[]): void {
  const { id, isCreate, parentRunId, traceId } = given
  if (parentRunId !== null && segments.length < 2) {
    throw refuse(given, 'dotted_order must contain at least two parts for child runs')
  }
  if (isCreate && parentRunId === null && segments.length > 1) {
    throw refuse(given, 'dotted_order must contain a single part for root runs')
  }
  if (traceId !== null && traceId !== segments[0]!.id) {
    throw refuse(given, `trace_id ${traceId} does not match first part of dotted_order`)
  }
  if (id !== segments.at(-1)!.id) {
    throw refuse(given, `run_id ${id} does not match last part of dotted_order`)
  }
}

/** The error in the vendor's own words, because users search for those (contracts/langsmith.md 1.3). */
function refuse(given: GivenLineage, reason: string): LangsmithError {
  const { id, traceId, dottedOrder, parentRunId } = given
  const facts = `run_id:${id} trace_id:${traceId} dotted_order:${dottedOrder} parent_run_id:${parentRunId}`
  return new LangsmithError(400, `Bad request: invalid 'dotted_order': ${reason} for ${facts}`)
}
