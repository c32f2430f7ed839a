import { randomUUID } from 'node:crypto'
import postgres from 'postgres'
import { eventVersion, type IngestEvent } from '../src/domain/events.ts'
import { foldEvents, type FoldedRow } from '../src/domain/fold.ts'
import { arrayLiteral } from '../src/store/text-array.ts'
import { openPool, closePool, type Db } from '../src/store/pool.ts'
import { runGenerated } from '../src/store/statements.ts'
import { upsertParameters, upsertText } from '../src/store/write/upsert-sql.ts'
import { payloadText, startTime, type BenchRun } from './ingest-requests.ts'

/** Something that writes runs straight into Postgres. Both are used over two connections, as two batches would be. */
export interface Writer {
  /** Makes the batches of `runs`, and returns the function that writes them: only that is measured. */
  prepare(runs: readonly BenchRun[]): () => Promise<void>
  close(): Promise<void>
}

const rowsPerStatement = 1000
const connections = 2

/*
 * What throughput is compared with (architecture.md 10). It must stay as it is when the product changes, so it uses
 * none of its tables, statements or drivers' settings: one that gets slower would otherwise look better.
 */
const floorTable = `create table bench_floor (
  tenant_id uuid, id uuid, trace_id uuid, parent_id uuid, name text, type text, start_time timestamptz,
  end_time timestamptz, inputs json, outputs json, primary key (tenant_id, id))`

const floorStatement = `insert into bench_floor as held
select * from unnest($1::text::uuid[], $2::text::uuid[], $3::text::uuid[], $4::text::uuid[], $5::text::text[],
  $6::text::text[], $7::text::timestamptz[], $8::text::timestamptz[], $9::text::json[], $10::text::json[])
on conflict (tenant_id, id) do update set trace_id = excluded.trace_id, parent_id = excluded.parent_id,
  name = excluded.name, type = excluded.type, start_time = excluded.start_time, end_time = excluded.end_time,
  inputs = excluded.inputs, outputs = excluded.outputs`

/** The floor: the payload bytes in ten columns, with nothing but a primary key. */
export async function openFloor(databaseUrl: string): Promise<Writer> {
  const db = postgres(databaseUrl, { max: connections, onnotice: () => {} })
  await db.unsafe(floorTable)
  const tenantId = randomUUID()
  return {
    prepare(runs) {
      const batches = inBatches(runs).map((some) =>
        [
          some.map(() => tenantId),
          some.map((run) => run.id),
          some.map((run) => run.traceId),
          some.map((run) => run.parentId),
          some.map(() => 'run'),
          some.map((run) => (run.parentId === null ? 'chain' : 'llm')),
          some.map(() => startTime),
          some.map(() => startTime),
          some.map(() => payloadText),
          some.map(() => payloadText),
        ].map(nullableLiteral),
      )
      return async () => {
        await drain(batches, async (batch) => db.unsafe(floorStatement, batch, { prepare: true }))
      }
    },
    close: () => db.end(),
  }
}

/** The product's own upsert of the same runs into its own table, of rows that are folded before. */
export function openUpsert(databaseUrl: string, tenantId: string): Writer {
  const db = openPool(databaseUrl, { max: connections })
  return {
    prepare(runs) {
      const batches = inBatches(runs).map((some) => foldEvents(some.map(eventOf)).run)
      return async () => {
        await drain(batches, async (rows) => upsert(db, tenantId, rows))
      }
    },
    close: () => closePool(db),
  }
}

async function upsert(db: Db, tenantId: string, rows: FoldedRow[]): Promise<void> {
  await runGenerated(db, upsertText('run'), upsertParameters('run', tenantId, rows))
}

function eventOf(run: BenchRun): IngestEvent {
  return {
    kind: 'run',
    id: run.id,
    externalId: null,
    version: eventVersion('create', startTime, run.id),
    patch: {
      traceId: run.traceId,
      externalTraceId: null,
      ...(run.parentId === null ? {} : { parentRunId: run.parentId }),
      name: 'run',
      runType: run.parentId === null ? 'chain' : 'llm',
      startTime,
      endTime: startTime,
      inputs: payloadText,
      outputs: payloadText,
      createdAt: startTime,
      updatedAt: startTime,
    },
  }
}

function inBatches<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / rowsPerStatement) }, (_, i) =>
    items.slice(i * rowsPerStatement, (i + 1) * rowsPerStatement),
  )
}

async function drain<T>(batches: readonly T[], write: (batch: T) => Promise<unknown>) {
  const left = [...batches]
  const writeAll = async (): Promise<void> => {
    for (let batch = left.shift(); batch !== undefined; batch = left.shift()) await write(batch)
  }
  await Promise.all(Array.from({ length: connections }, writeAll))
}

function nullableLiteral(values: readonly (string | null)[]): string {
  if (!values.includes(null)) return arrayLiteral(values as string[])
  return `{${values.map((value) => value ?? 'NULL').join(',')}}`
}
