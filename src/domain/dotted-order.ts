import { isUuid } from './ids.ts'
import { parseTimestamp, type Timestamp } from './timestamp.ts'

/** One run on the path from the root: when it started, and its id in lower case. */
export interface Segment {
  time: Timestamp
  id: string
}

const segment = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})(\d{6})Z(.{36})$/

/**
 * Reads `YYYYMMDDTHHMMSSffffffZ<uuid>` segments joined by dots (contracts/langsmith.md 3.1).
 * @returns the path from the root to the run itself, or null when any segment is malformed
 */
export function parseDottedOrder(text: string): Segment[] | null {
  const segments: Segment[] = []
  for (const piece of text.split('.')) {
    const match = segment.exec(piece)
    if (match === null) return null
    const [, year, month, day, hour, minute, second, micros, id = ''] = match
    const time = parseTimestamp(`${year}-${month}-${day}T${hour}:${minute}:${second}.${micros}Z`)
    if (time === null || !isUuid(id)) return null
    segments.push({ time, id: id.toLowerCase() })
  }
  return segments
}

/** The dotted order of a path. Ids are in lower case, so equal paths give equal texts. */
export function formatDottedOrder(segments: readonly Segment[]): string {
  return segments.map(({ time, id }) => compactTime(time) + id).join('.')
}

function compactTime(time: Timestamp): string {
  const [date, hour, minute] = [
    time.slice(0, 10).replaceAll('-', ''),
    time.slice(10, 13),
    time.slice(14, 16),
  ]
  return `${date}${hour}${minute}${time.slice(17, 19)}${time.slice(20)}`
}

/** Ids of the ancestors, root first, of a stored dotted order. */
export function ancestorIds(dottedOrder: string): string[] {
  return dottedOrder
    .split('.')
    .slice(0, -1)
    .map((piece) => piece.slice(-36))
}

/** The id of the root run of a stored dotted order, which LangSmith's clients take for the trace's id. */
export function rootIdOf(dottedOrder: string): string {
  return dottedOrder.split('.', 1)[0]!.slice(-36)
}
