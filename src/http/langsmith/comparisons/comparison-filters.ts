import { z } from 'zod'
import type { Filter } from '../../../domain/filter.ts'
import { LangsmithError } from '../errors.ts'
import { FilterSyntaxError, parseRunFilter } from '../../filter/filter-parse.ts'
import { uuid } from '../schemas.ts'

/** Characters of all filters together. It keeps the values they bind within the parameters of one SQL statement. */
const maxFilterLength = 32_768

/** Body: a list of run filters for each session id (contracts/langsmith.md 2.1). */
export const sessionFilters = z.record(uuid, z.array(z.string()))

/**
 * The filter of each session. All its expressions must hold; conditions pair up only within one expression
 * (contracts/langsmith.md 4.3).
 * @throws LangsmithError 400
 */
export function parseSessionFilters(
  filters: z.output<typeof sessionFilters> | null | undefined,
): Map<string, Filter> {
  const lists = Object.entries(filters ?? {}).filter(([, expressions]) => expressions.length > 0)
  const length = lists.flatMap(([, expressions]) => expressions).join('').length
  if (length > maxFilterLength) {
    throw new LangsmithError(400, `Filters are longer than ${maxFilterLength} characters together`)
  }
  return new Map(
    lists.map(([sessionId, expressions]) => {
      const terms = expressions.map(
        (text, i): Filter => ({
          kind: 'and',
          terms: [parseFilter(text, `filters.${sessionId}.${i}`)],
        }),
      )
      return [sessionId, { kind: 'and', terms }]
    }),
  )
}

function parseFilter(text: string, place: string): Filter {
  try {
    return parseRunFilter(text)
  } catch (error) {
    if (error instanceof FilterSyntaxError)
      throw new LangsmithError(400, `${place}: ${error.message}`)
    throw error
  }
}
