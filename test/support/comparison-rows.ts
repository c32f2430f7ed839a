import { randomUUID } from 'node:crypto'
import type { Feedback, Run, Trace } from '../../src/domain/entities.ts'
import { eventVersion, type EventOf, type IngestEvent } from '../../src/domain/events.ts'
import { runItemId } from '../../src/domain/ids.ts'
import { fromEpochMs, type Timestamp } from '../../src/domain/timestamp.ts'
import type { Db } from '../../src/store/pool.ts'

const start = Date.UTC(2026, 0, 2)

/** Returns the n-th second of a day in January. */
export function second(n: number): Timestamp {
  return fromEpochMs(start + n * 1000)!
}

export interface ExampleRow {
  id?: string
  createdAt?: Timestamp
  validFrom?: Timestamp
  validTo?: string
  inputs?: string | null
  outputs?: string | null
  metadata?: string | null
  splits?: string[]
  archived?: boolean
  sourceRunId?: string | null
}

/** Writes datasets, examples and experiments as rows. Their own routes are tested elsewhere. */
export function comparisonRows(db: Db, tenantId: string) {
  return {
    async dataset(): Promise<string> {
      const id = randomUUID()
      await db`
        insert into datasets (tenant_id, id, name, created_at, updated_at, version_at)
        values (${tenantId}, ${id}, ${id}, ${second(0)}, ${second(0)}, ${second(0)})`
      return id
    },
    async example(datasetId: string, row: ExampleRow = {}): Promise<string> {
      const {
        id = randomUUID(),
        createdAt = second(0),
        validFrom = createdAt,
        validTo = 'infinity',
      } = row
      await db`
        insert into examples (tenant_id, id, dataset_id, valid_from, valid_to, created_at, inputs, outputs, metadata,
          splits, archived, source_run_id)
        values (${tenantId}, ${id}, ${datasetId}, ${validFrom}, ${validTo}::text::timestamptz, ${createdAt},
          ${row.inputs === undefined ? '{}' : row.inputs}::text::json, ${row.outputs ?? null}::text::json,
          ${row.metadata ?? null}::text::jsonb, ${row.splits ?? ['base']}, ${row.archived ?? false},
          ${row.sourceRunId ?? null})`
      return id
    },
    async experiment(datasetId: string | null, name: string = randomUUID()): Promise<string> {
      const id = randomUUID()
      await db`
        insert into experiments (tenant_id, id, dataset_id, name, name_scope, start_time, created_at, updated_at)
        values (${tenantId}, ${id}, ${datasetId}, ${name}, '00000000-0000-0000-0000-000000000000', ${second(0)},
          ${second(0)}, ${second(0)})`
      return id
    },
  }
}

/** A root run that executed an example. It is finished, and successful unless the patch says otherwise. */
export function rootRun(
  experimentId: string,
  exampleId: string,
  patch: EventOf<'run'>['patch'] = {},
  id: string = randomUUID(),
): EventOf<'run'> {
  return runEvent(id, {
    traceId: id,
    experimentId,
    referenceExampleId: exampleId,
    name: 'target',
    runType: 'chain',
    startTime: second(1),
    endTime: second(3),
    inputs: '{}',
    outputs: '{}',
    createdAt: second(1),
    ...patch,
  })
}

export function runEvent(
  id: string,
  patch: Partial<Run> | EventOf<'run'>['patch'],
): EventOf<'run'> {
  return { kind: 'run', id, externalId: null, version: versionOf(id, patch), patch }
}

export function traceEvent(id: string, patch: Partial<Trace>): EventOf<'trace'> {
  return { kind: 'trace', id, externalId: null, version: versionOf(id, patch), patch }
}

/** Feedback on a run. Its score is a number unless the patch says otherwise. */
export function feedbackOn(
  run: { id: string; patch?: { traceId?: string | null } } | null,
  key: string,
  score: number | null,
  patch: Partial<Feedback> = {},
): EventOf<'feedback'> {
  const id = randomUUID()
  return {
    kind: 'feedback',
    id,
    externalId: null,
    version: versionOf(id, patch),
    patch: {
      ...(run === null ? {} : { runId: run.id }),
      ...(run?.patch?.traceId ? { traceId: run.patch.traceId } : {}),
      key,
      score: score === null ? null : String(score),
      scoreNumber: score,
      createdAt: second(4),
      updatedAt: second(4),
      ...patch,
    },
  }
}

/** A link, as Langfuse's dialect makes it. */
export function linkEvent(
  datasetId: string,
  experimentId: string,
  exampleId: string,
  traceId: string,
  runId: string | null = null,
): IngestEvent {
  const id = runItemId(experimentId, exampleId, traceId, runId)
  const patch = { experimentId, datasetId, exampleId, traceId, runId, createdAt: second(5) }
  return {
    kind: 'run_item',
    id,
    externalId: null,
    version: versionOf(id, patch),
    patch,
  }
}

function versionOf(id: string, patch: object): string {
  return eventVersion('create', second(0), `${id}${JSON.stringify(patch)}`)
}
