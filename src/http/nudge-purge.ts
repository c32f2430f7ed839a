import type { Services } from './services.ts'

/** After experiments were deleted: has their rows removed soon. A lost nudge costs a delay, the sweep finds the tombstone. */
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
