import { z } from 'zod'
import { isUuid } from '../../../domain/ids.ts'
import { parseTimestamp, type Timestamp } from '../../../domain/timestamp.ts'
import { invalidRequest } from '../errors.ts'
import type { FilterColumns } from '../filter-columns.ts'
import { filterOver } from '../filter.ts'
import { numberOf, page, strictInstant, textList } from '../requests.ts'

/** Query parameters that `GET /experiments` and `GET /experiment-items` share (contracts/langfuse.md 2.11). */
export function experimentQuerystring<Group extends string>(
  groups: readonly [Group, ...Group[]],
  columns: FilterColumns,
) {
  return {
    fromStartTime: strictInstant,
    toStartTime: strictInstant.optional(),
    limit: page.limit,
    scoreLimit: numberOf(z.number().int().min(1).max(50), 50),
    cursor: z.string().optional(),
    fields: textList.pipe(z.array(z.enum(groups))).optional(),
    filter: filterOver(columns),
  }
}

/** The groups of fields to answer. @param usual the groups when the request names none */
export function groupsOf<Group extends string>(
  asked: readonly Group[] | undefined,
  usual: readonly Group[],
): Set<Group> {
  return new Set(asked === undefined || asked.length === 0 ? usual : asked)
}

const cursorContent = z.object({
  v: z.literal(1),
  lastTime: z.string(),
  lastTraceId: z.string().optional(),
  lastId: z.string().refine(isUuid),
  lastExperimentId: z.string(),
})

/** A cursor names the last row of a page. */
export interface ExperimentCursor {
  lastTime: Timestamp
  /** Only in cursors of items. */
  lastTraceId?: string
  /** Orders rows of one time. */
  lastId: string
  lastExperimentId: string
}

export function writeExperimentCursor(content: ExperimentCursor): string {
  return Buffer.from(JSON.stringify({ v: 1, ...content })).toString('base64url')
}

/** @throws LangfuseError 400 for what `writeExperimentCursor` cannot have made */
export function readExperimentCursor(
  cursor: string,
): Pick<ExperimentCursor, 'lastTime' | 'lastId'> {
  const { data } = cursorContent.safeParse(parse(Buffer.from(cursor, 'base64url').toString()))
  const lastTime = data === undefined ? null : parseTimestamp(data.lastTime)
  if (data === undefined || lastTime === null) throw invalidRequest('Invalid cursor format')
  return { lastTime, lastId: data.lastId }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
