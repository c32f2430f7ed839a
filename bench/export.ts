import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { asyncBufferFromFile, parquetMetadataAsync, parquetRead } from 'hyparquet'
import type { Db } from '../src/store/pool.ts'
import { insertTenant } from '../test/support/tenant.ts'
import { withFreshStore } from './fresh-store.ts'
import { withServer } from './server-process.ts'

/*
 * `runmill export` of one experiment with many executions: time, processor time and the most memory of the command and of
 * the server, and whether what was written adds up to what the tables hold. The rows are written by SQL, a quarter of
 * them examples, with two scores and a reason each.
 *
 *   npx tsx bench/export.ts [--rows 1000000] [--formats jsonl,csv,parquet] [--folder FOLDER, where the files stay] [--smoke]
 */

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    formats: { type: 'string', default: 'jsonl,csv,parquet' },
    folder: { type: 'string' },
    smoke: { type: 'boolean', default: false },
  },
})
const rows = values.smoke ? 400 : Number(values.rows)
const formats = values.formats.split(',')
const repetitions = 4
const run = promisify(execFile)
const root = join(import.meta.dirname, '..')

await withFreshStore(async (store) => {
  const { db, folder } = store
  const { id: tenantId, secretKey } = await insertTenant(db)
  await timed('seeded', async () => fill(db, tenantId))
  const [sums] = await db<{ tokens: number; cost: string; correct: number }[]>`
    select sum(total_tokens)::bigint as tokens, sum(total_cost) as cost,
      (select sum(score_number) from feedback where key = 'correct') as correct
    from traces`
  const place = join(folder, 'bundle')
  await run(process.execPath, [join(root, 'scripts', 'bundle.mjs'), place])
  const target = values.folder ?? join(folder, 'exports')
  await mkdir(target, { recursive: true })
  await withServer(store, {}, async (server) => {
    for (const format of formats) {
      const file = join(target, `export.${format}`)
      const startedAt = performance.now()
      const { stdout, stderr } = await run(
        process.execPath,
        [
          '--import',
          `data:text/javascript,process.on('exit',()=>process.stderr.write(JSON.stringify(process.resourceUsage())))`,
          join(place, 'src', 'cli', 'main.js'),
          'export',
          'bench',
          '--output',
          file,
          '--json',
        ],
        { env: { ...process.env, RUNMILL_URL: server.url, RUNMILL_API_KEY: secretKey } },
      )
      const seconds = (performance.now() - startedAt) / 1000
      const manifest = JSON.parse(stdout) as { rows: number; counted: number | null }
      const usage = JSON.parse(stderr) as NodeJS.ResourceUsage
      const { size } = await stat(file)
      const serverPeak = await server.peakMemory()
      console.log(
        `${format}: ${manifest.rows} rows (the server counted ${manifest.counted}), ${mb(size)} MB in ${seconds.toFixed(1)} s, ${Math.round(rows / seconds)} rows/s; ` +
          `command ${((usage.userCPUTime + usage.systemCPUTime) / 1e6).toFixed(1)} s of processor, at most ${mb(usage.maxRSS * 1024)} MB; server at most ${serverPeak === null ? '?' : mb(serverPeak)} MB`,
      )
      if (manifest.rows !== rows) throw new Error(`${rows} rows were there`)
    }
  })
  if (!formats.includes('parquet')) return
  await timed('read back', async () => {
    const read = await sumsOf(join(target, 'export.parquet'))
    const isEqual =
      read.rows === rows &&
      read.tokens === BigInt(sums!.tokens) &&
      read.correct === sums!.correct &&
      Math.abs(read.cost - Number(sums!.cost)) < 1e-6 * Number(sums!.cost)
    console.log(`Parquet: ${isEqual ? 'sums equal' : 'SUMS DIFFER'}`, read, sums)
    if (!isEqual) process.exitCode = 1
  })
})

async function timed(what: string, work: () => Promise<void>): Promise<void> {
  const startedAt = performance.now()
  await work()
  console.log(`${what} in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
}

function mb(bytes: number): string {
  return (bytes / 1_000_000).toFixed(0)
}

/** Adds up the Parquet file, one row group after the other. */
async function sumsOf(path: string) {
  const file = await asyncBufferFromFile(path)
  const metadata = await parquetMetadataAsync(file)
  const sums = { rows: 0, tokens: 0n, cost: 0, correct: 0 }
  for (let rowStart = 0; rowStart < Number(metadata.num_rows); rowStart += 10_000) {
    await parquetRead({
      file,
      metadata,
      columns: ['total_tokens', 'cost', 'score.correct'],
      rowStart,
      rowEnd: Math.min(rowStart + 10_000, Number(metadata.num_rows)),
      rowFormat: 'object',
      onComplete: (read) => {
        for (const row of read as {
          total_tokens: bigint
          cost: number
          'score.correct': number
        }[]) {
          sums.rows += 1
          sums.tokens += row.total_tokens
          sums.cost += row.cost
          sums.correct += row['score.correct']
        }
      },
    })
  }
  return sums
}

async function fill(db: Db, tenantId: string): Promise<void> {
  const [dataset, experiment] = [randomUUID(), randomUUID()]
  await db`
    insert into datasets (tenant_id, id, name, created_at, updated_at, version_at)
    values (${tenantId}, ${dataset}, 'bench', now(), now(), now())`
  await db`
    insert into experiments (tenant_id, id, dataset_id, name, name_scope, start_time, created_at, updated_at)
    values (${tenantId}, ${experiment}, ${dataset}, 'bench', ${tenantId}, now(), now(), now())`
  // In pieces: each statement has a time limit.
  for (let from = 0; from < rows; from += 5000) {
    await fillPiece(db, [tenantId, dataset, experiment], from, Math.min(from + 5000, rows) - 1)
  }
  // Each table by itself, for the same reason.
  for (const table of ['runs', 'traces', 'run_items', 'feedback', 'examples']) {
    await db.unsafe(`vacuum analyze ${table}`)
  }
}

async function fillPiece(
  db: Db,
  [tenantId, dataset, experiment]: [string, string, string],
  from: number,
  to: number,
): Promise<void> {
  await db`
    insert into examples (tenant_id, id, dataset_id, valid_from, created_at, inputs, outputs, metadata)
    select ${tenantId}, md5('example' || n)::uuid, ${dataset}, now(), now(),
      json_build_object('question', repeat(md5(n::text), 8)), json_build_object('answer', repeat(md5(n::text), 4)),
      '{"area": "billing"}'
    from generate_series(${1 + from / repetitions}::int, ${(to + 1) / repetitions}::int) as n`
  await db`
    insert into runs (tenant_id, id, v, m, trace_id, experiment_id, name, run_type, start_time, end_time, inputs, outputs,
      metadata, reference_example_id, created_at, total_tokens, prompt_tokens, completion_tokens, total_cost)
    select ${tenantId}, md5('run' || n)::uuid, 1, 0, md5('run' || n)::uuid, ${experiment}, 'target', 'llm', now(),
      now() + n % 5000 * interval '1 ms', '{}', json_build_object('answer', repeat(md5('run' || n), 10)), '{"model":"m1"}',
      md5('example' || 1 + n / ${repetitions}::int)::uuid, now(), n % 1000, n % 400, n % 1000 - n % 400,
      n % 1000 * 0.000001
    from generate_series(${from}::int, ${to}::int) as n`
  const piece = db`
    select runs.* from generate_series(${from}::int, ${to}::int) as n
    join runs on runs.tenant_id = ${tenantId} and runs.id = md5('run' || n)::uuid`
  await db`
    insert into traces (tenant_id, id, v, m, experiment_id, root_run_id, start_time, end_time, run_count, prompt_tokens,
      completion_tokens, total_tokens, total_cost, created_at, updated_at)
    select tenant_id, id, 1, 0, experiment_id, id, start_time, end_time, 1, prompt_tokens, completion_tokens, total_tokens,
      total_cost, now(), now()
    from (${piece}) as run`
  await db`
    insert into run_items (tenant_id, id, v, m, experiment_id, dataset_id, example_id, trace_id, run_id, created_at)
    select tenant_id, md5('item' || id)::uuid, 1, 0, experiment_id, ${dataset}, reference_example_id, trace_id, id, now()
    from (${piece}) as run`
  await db`
    insert into feedback (tenant_id, id, v, m, run_id, trace_id, experiment_id, key, score, score_number, comment,
      created_at, updated_at)
    select tenant_id, md5(key || id)::uuid, 1, 0, id, trace_id, experiment_id, key, to_json(score), score,
      'It says what the article says, and no more.', now(), now()
    from (
      select run.*, key, (hashtext(run.id::text || key) & 1)::double precision as score
      from (${piece}) as run, unnest(array['correct', 'helpful']) as key
    ) as scored`
}
