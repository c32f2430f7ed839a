import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

/** Seconds that something takes which should take milliseconds. */
const shortSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60]
/** Seconds that events wait, in an overload for minutes. */
const longSeconds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800]
const eventCounts = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500]

/** Makes all metrics of a process. docs/operations.md says what they mean (test/metrics/metrics.test.ts). */
// oxlint-disable-next-line typescript/explicit-module-boundary-types -- its type is what it makes
export function defineMetrics() {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const counter = <L extends string = never>(name: string, help: string, ...labelNames: L[]) =>
    new Counter<L>({ name, help, labelNames, registers })
  const gauge = <L extends string = never>(name: string, help: string, ...labelNames: L[]) =>
    new Gauge<L>({ name, help, labelNames, registers })
  const histogram = <L extends string = never>(
    [name, help, buckets]: [string, string, number[]],
    ...labelNames: L[]
  ) => new Histogram<L>({ name, help, labelNames, buckets, registers })

  return {
    registry,
    accepted: counter(
      'runmill_events_accepted_total',
      'Events that were put into the queue.',
      'dialect',
    ),
    eventsRefused: counter(
      'runmill_events_refused_total',
      'Events that were refused while the rest of their request was taken.',
      'dialect',
      'reason',
    ),
    requestsRefused: counter(
      'runmill_requests_refused_total',
      'Requests with events of which nothing was taken.',
      'dialect',
      'reason',
    ),
    enqueueSeconds: histogram([
      'runmill_queue_enqueue_seconds',
      'Time until the queue had stored the jobs of a request, or had refused them.',
      shortSeconds,
    ]),
    applied: counter('runmill_events_applied_total', 'Events that were committed.', 'lane'),
    lagSeconds: histogram(
      [
        'runmill_event_lag_seconds',
        'Time from acceptance to commit: one observation for each job.',
        longSeconds,
      ],
      'lane',
    ),
    batchEvents: histogram(
      [
        'runmill_batch_events',
        'Events that were applied in one go: those of one tenant in a batch.',
        eventCounts,
      ],
      'lane',
    ),
    batchSeconds: histogram(
      ['runmill_batch_seconds', 'Time until they were applied.', shortSeconds],
      'lane',
    ),
    deadLetters: counter(
      'runmill_dead_letters_total',
      'Events that the database refuses, which are kept in dead_letters.',
      'reason',
    ),
    deadLettersKept: gauge('runmill_dead_letters', 'Events in dead_letters, counted up to 1,000.'),
    tenantsApart: gauge(
      'runmill_tenants_apart',
      'Tenants that are set apart, because others are applied and they are not.',
    ),
    heldJobs: gauge('runmill_worker_jobs', 'Jobs that this process works on, by lane.', 'lane'),
    databaseWait: histogram(
      [
        'runmill_database_wait_seconds',
        'Time until a transaction had a connection, or a read its turn.',
        shortSeconds,
      ],
      'pool',
    ),
    statementSeconds: histogram(
      [
        'runmill_database_statement_seconds',
        'Time of statements outside transactions, waits included.',
        shortSeconds,
      ],
      'pool',
    ),
    poolMax: gauge('runmill_database_pool_max', 'Connections that a pool may have.', 'pool'),
    poolUsed: gauge('runmill_database_pool_used', 'Connections that are at work.', 'pool'),
    poolWaiting: gauge(
      'runmill_database_pool_waiting',
      'Statements and transactions that wait for a connection.',
      'pool',
    ),
    replicaReads: counter(
      'runmill_replica_reads_total',
      'Reads of requests, by where they were sent: to the replica, or to the primary as it was behind or away.',
      'outcome',
    ),
    jobs: gauge('runmill_queue_jobs', 'Jobs in each queue, by state.', 'queue', 'state'),
    oldestAge: gauge(
      'runmill_queue_oldest_age_seconds',
      'Age of the oldest events in each lane, by state: 0 where there are none.',
      'queue',
      'state',
    ),
    stalledSeconds: gauge(
      'runmill_queue_stalled_seconds',
      'How long work has waited while nothing was finished.',
    ),
    memory: gauge('runmill_queue_memory_bytes', 'Memory of Redis, where it has a limit.', 'kind'),
    up: gauge(
      'runmill_datastore_up',
      'Whether the datastore answered when it was last asked.',
      'datastore',
    ),
    restarts: counter(
      'runmill_process_restarts_total',
      'How often the supervisor has started the server again, by how it had ended.',
      'end',
    ),
  }
}
