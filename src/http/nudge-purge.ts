import type { Services } from './services.ts'

/**
 * Has the rows of deleted experiments removed soon. A nudge that is lost only costs time, because the sweep finds the
 * tombstone.
 */
export async function nudgePurge(
  { queue, log }: Services,
  tenantId: string,
  experimentIds: string[],
): Promise<void> {
  for (const id of experimentIds) {
    try {
      await queue.nudge('purge', `${tenantId}-experiment-${id}`, {
        tenantId,
        kind: 'experiment',
        id,
      })
    } catch (error) {
      log.warn({ err: error, tenantId, id }, 'purge nudge failed')
    }
  }
}
