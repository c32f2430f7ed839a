import { createMetrics, type Metrics } from '../../src/metrics/metrics.ts'

/** Every metric that a process may show. */
export function allMetrics(): ReturnType<Metrics['list']> {
  const metrics = createMetrics()
  // What main.ts adds.
  for (const name of [
    'unheld_errors',
    'queue_emptied',
    'queue_schedules_repaired',
    'retention_traces',
  ]) {
    metrics.counter(`runmill_${name}_total`, 'as in main.ts', () => 0)
  }
  return metrics.list()
}
