import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Handler } from '../src/queue/backend.ts'
import { repricingStep } from '../src/store/write/prices/repricings.ts'
import type { RunPricer } from '../src/store/write/prices/run-prices.ts'
import type { WorkerServices } from './ingest.ts'
import { nudgeAggregate } from './pace.ts'

/**
 * Computes the costs of a tenant's runs anew, some at a time. A process that is stopped or killed meanwhile loses only
 * the part under way: the sweep finds the rest.
 */
export function repriceHandler(
  { db, queue, clock, pace, log }: WorkerServices,
  pricer: RunPricer,
): Handler<'reprice'> {
  return async ({ tenantId, id }, { signal }) => {
    for (;;) {
      signal.throwIfAborted()
      const { isFinished } = await repricingStep(db, tenantId, id, pricer, clock.now())
      nudgeAggregate({ queue, pace }, tenantId).catch((error: unknown) =>
        log.warn({ err: error }, 'aggregate nudge failed'),
      )
      if (isFinished) return
      await nextTurn()
    }
  }
}
