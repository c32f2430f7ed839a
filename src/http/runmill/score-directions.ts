import { z } from 'zod'
import {
  type ScoreDirectionRow,
  scoreDirectionList,
} from '../../store/read/compare/score-directions.ts'
import { scoreDirectionDelete, scoreDirectionUpsert } from '../../store/write/score-directions.ts'
import type { App, Services } from '../services.ts'
import { measureKey } from './compare-request.ts'
import { RunmillError } from './errors.ts'

const tags = ['runmill']

const direction = z.enum(['higher', 'lower'])

/** More than anybody would say. All are read for each comparison. */
const mostDirections = 2000

/** Which way scores are better, as somebody has said once for all comparisons. */
export function scoreDirectionRoutes(app: App, { db, clock }: Services): void {
  app.get(
    '/score-directions',
    {
      schema: {
        tags,
        summary: 'List which way scores are better, as far as that is known',
        response: {
          200: z.object({
            directions: z.array(
              z.object({
                key: z.string(),
                direction,
                source: z
                  .enum(['stored', 'config'])
                  .describe('Whether it was said here, or by a config of the score'),
              }),
            ),
          }),
        },
      },
    },
    async ({ principal }) => {
      const known = await scoreDirectionList(db, principal.tenantId)
      return { directions: [...known.values()].map(directionFromRow) }
    },
  )

  app.put(
    '/score-directions',
    {
      schema: {
        tags,
        summary: 'Say which way a score is better; null forgets it',
        description:
          'It counts for every comparison from then on, but for those that say `directions` themselves. It outweighs the config of the score.',
        body: z.object({ key: measureKey, direction: direction.nullable() }),
        response: {
          200: z.object({ key: z.string(), direction: direction.nullable() }),
        },
      },
    },
    async ({ principal: { tenantId }, body: { key, direction: given } }) => {
      if (given === null) await scoreDirectionDelete(db, tenantId, key)
      else {
        const known = await scoreDirectionList(db, tenantId)
        const stored = [...known.values()].filter(({ isStored }) => isStored)
        if (stored.length >= mostDirections && known.get(key)?.isStored !== true) {
          throw new RunmillError(422, `At most ${mostDirections} scores may have a direction`)
        }
        await scoreDirectionUpsert(db, tenantId, key, given === 'lower', clock.now())
      }
      return { key, direction: given }
    },
  )
}

function directionFromRow({ key, isLowerBetter, isStored }: ScoreDirectionRow) {
  return {
    key,
    direction: isLowerBetter ? ('lower' as const) : ('higher' as const),
    source: isStored ? ('stored' as const) : ('config' as const),
  }
}
