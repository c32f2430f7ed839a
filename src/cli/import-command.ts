import { readArguments } from './arguments.ts'
import { type Connection, readConnection } from './client.ts'
import { CliError, exitCodes, shown } from './exit.ts'
import { type Api, createApi } from './import/api.ts'
import { createBucket, type Bucket, type Pace } from './import/bucket.ts'
import { type Importer, leftOut, type Selection } from './import/job.ts'
import { langfuseImporter } from './import/langfuse/importer.ts'
import { langsmithImporter } from './import/langsmith/importer.ts'
import { type Counts, openState } from './import/state.ts'
import { createProgress } from './progress.ts'
import { plain } from './render.ts'
import { tableText } from './table.ts'

const usage = `runmill import langsmith|langfuse --from-url URL [OPTIONS]   copies what another server has, with its ids and times

  --from-url URL     the server to read: the vendor's, or another Runmill
  --from-key KEY     its key, of langfuse as PUBLIC:SECRET; or set LANGSMITH_API_KEY,
                     or LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY
  --dataset NAME     only this dataset with its experiments and what they ran (may be repeated)
  --project NAME     langsmith: only this project or experiment (may be repeated)
  --since TIME       only runs, traces, scores and feedback of then or later
  --until TIME       only those of before then
  --dry-run          only counts, and says how long it takes
  --state FILE       where it notes how far it is (default runmill-import.json); begun again, it goes on there
  --json             prints the counts as JSON

It writes to RUNMILL_URL with RUNMILL_API_KEY, which needs the scope admin: runmill keys create --admin.
Ends with 0: all that was read is there, 2: the counts differ, or something is missing, 64: wrong usage or key,
69: a server not reachable.`

/** How a dialect is reached. */
interface Dialect {
  importer: Importer
  url(env: NodeJS.ProcessEnv): string | undefined
  /** @returns the headers of a request; null where there is no key */
  headers(key: string | undefined, env: NodeJS.ProcessEnv): Record<string, string> | null
  /** What the vendor's own servers are called. Others tell by their refusals how fast they may be asked. */
  vendor: RegExp
  /** The buckets that the vendor's server counts by. The first whose path fits counts. */
  buckets: readonly { path: RegExp; pace: Pace | null }[]
  /** How long to wait after a refusal that does not say so. */
  refusedMs: number
  advice: string
}

const dialects: Readonly<Record<string, Dialect>> = {
  langsmith: {
    importer: langsmithImporter,
    url: (env) => env.LANGSMITH_ENDPOINT,
    headers(key, env) {
      const given = key ?? env.LANGSMITH_API_KEY
      const workspace = env.LANGSMITH_WORKSPACE_ID
      if (!given) return null
      return { 'x-api-key': given, ...(workspace ? { 'x-tenant-id': workspace } : {}) }
    },
    vendor: /(?:^|\.)langchain\.com$/,
    // The vendor counts 15 in 10 s. What was sent 10 s apart may arrive a little less far apart.
    buckets: [{ path: /\/runs\/query$/, pace: { requests: 15, withinMs: 10_500 } }],
    refusedMs: 10_000,
    advice: 'Give the key by --from-key or LANGSMITH_API_KEY.',
  },
  langfuse: {
    importer: langfuseImporter,
    url: (env) => env.LANGFUSE_BASE_URL ?? env.LANGFUSE_HOST,
    headers(key, env) {
      const { LANGFUSE_PUBLIC_KEY: publicKey, LANGFUSE_SECRET_KEY: secretKey } = env
      const pair = key ?? (publicKey && secretKey ? `${publicKey}:${secretKey}` : undefined)
      if (!pair?.includes(':')) return null
      return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
    },
    vendor: /(?:^|\.)langfuse\.com$/,
    // It says how long to wait, so nothing is assumed of its windows, which differ between plans.
    buckets: [
      { path: /^\/api\/public\/(?:v2\/)?dataset/, pace: null },
      { path: /^\/api\/public\/(?:traces|observations)/, pace: null },
    ],
    refusedMs: 60_000,
    advice: 'Give the keys by --from-key or LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY.',
  },
}

/** Copies what another server has. */
export async function importCommand(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { values, positionals } = readArguments(
    args,
    {
      'from-url': { type: 'string' },
      'from-key': { type: 'string' },
      dataset: { type: 'string', multiple: true },
      project: { type: 'string', multiple: true },
      since: { type: 'string' },
      until: { type: 'string' },
      'dry-run': { type: 'boolean', default: false },
      state: { type: 'string', default: 'runmill-import.json' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    usage,
  )
  if (values.help) return shown(usage)
  const [name = '', ...more] = positionals
  const dialect = Object.hasOwn(dialects, name) ? dialects[name] : undefined
  if (dialect === undefined || more.length > 0) throw new CliError(exitCodes.usage, usage)
  const source = sourceOf(dialect, values['from-url'] ?? dialect.url(env), values['from-key'], env)
  const selection = {
    datasets: values.dataset ?? [],
    projects: values.project ?? [],
    since: timeOf(values.since, '--since'),
    until: timeOf(values.until, '--until'),
  }
  if (name === 'langfuse' && selection.projects.length > 0) {
    throw new CliError(exitCodes.usage, 'A key of Langfuse belongs to one project: use --dataset.')
  }
  const { importer } = dialect
  if (values['dry-run']) {
    const counts = await importer.count(source, {
      source,
      selection,
      latest: new Date().toISOString(),
    })
    const text = tableText(['', 'source'], rowsOf(counts, [counts]))
    const estimate = importer.estimate(counts)
    return shown(
      values.json
        ? JSON.stringify({ source: counts, estimate }, null, 2)
        : `${text}\n\nReading takes about ${estimate}.`,
    )
  }
  const target = targetOf(readConnection(env))
  const read = await importAll(importer, { source, target, selection }, values.state, name)
  const there = await importer.count(target, { source, selection, latest: read.startedAt })
  // A kind that only one of both has counts is no difference: media are counted as they are copied.
  const kinds = Object.keys(there)
  const differs = kinds.filter((kind) => (read.counts[kind] ?? 0) !== there[kind])
  console.log(
    values.json
      ? JSON.stringify({ source: read.counts, imported: there }, null, 2)
      : tableText(['', 'source', 'imported'], rowsOf(there, [read.counts, there])),
  )
  const missing = read.counts[leftOut] ?? 0
  if (differs.length === 0 && missing === 0) return exitCodes.pass
  const reasons = [
    missing > 0 ? `${missing} things were left out, as said above.` : '',
    differs.length > 0
      ? `The counts of ${differs.join(', ')} differ: the source changed meanwhile, or the target has more of these or refused some. Run it again.`
      : '',
  ]
  throw new CliError(exitCodes.undecidable, reasons.join(' ').trim())
}

function sourceOf(
  dialect: Dialect,
  given: string | undefined,
  key: string | undefined,
  env: NodeJS.ProcessEnv,
): Api {
  // The vendor's SDKs take all of these as the address of a server.
  const url = given?.replace(/\/+$/, '').replace(/\/api(?:\/v1|\/public)?$/, '')
  if (!url || !/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new CliError(exitCodes.usage, 'Name the server to read by --from-url.')
  }
  const headers = dialect.headers(key, env)
  if (headers === null) throw new CliError(exitCodes.usage, dialect.advice)
  const isVendor = dialect.vendor.test(new URL(url).hostname)
  const buckets = dialect.buckets.map(({ path, pace }) => ({
    path,
    bucket: createBucket(isVendor ? pace : null),
  }))
  const others = createBucket(null)
  const { refusedMs, advice: keyAdvice } = dialect
  const bucketOf = (path: string): Bucket =>
    buckets.find((each) => each.path.test(path))?.bucket ?? others
  return createApi({ url, headers, bucketOf, refusedMs, keyAdvice, tellPause: note })
}

function targetOf({ url, key }: Connection): Api {
  const bucket = createBucket(null)
  return createApi({
    url,
    headers: { 'x-api-key': key, authorization: `Bearer ${key}` },
    bucketOf: () => bucket,
    refusedMs: 1000,
    keyAdvice: 'RUNMILL_API_KEY needs the scope admin: runmill keys create --admin.',
    tellPause: note,
  })
}

/** Reads everything and writes it. @returns what was read, and when that began */
async function importAll(
  importer: Importer,
  { source, target, selection }: { source: Api; target: Api; selection: Selection },
  file: string,
  dialect: string,
): Promise<{ counts: Counts; startedAt: string }> {
  const about = JSON.stringify({ dialect, from: source.url, to: target.url, selection })
  const state = await openState(file, about)
  const progress = createProgress()
  const tell = (): void => {
    const counts = Object.entries(state.counts())
    progress.tell(counts.map(([kind, count]) => `${count} ${kind}`).join(', '))
  }
  const leaveOut = async (reason: string): Promise<void> => {
    progress.end()
    note(reason)
    await state.advance(leftOut, '', { [leftOut]: 1 })
  }
  try {
    await importer.run({ source, target, selection, state, tell, leaveOut })
  } finally {
    progress.end()
  }
  const counts = state.counts()
  await state.remove()
  return { counts, startedAt: state.startedAt }
}

function note(message: string): void {
  console.error(`runmill: ${plain(message)}`)
}

function rowsOf(kinds: Counts, columns: readonly Counts[]): string[][] {
  return Object.keys(kinds).map((kind) => [
    kind,
    ...columns.map((counts) => String(counts[kind] ?? 0)),
  ])
}

/** @returns the time as ISO-8601; null where none is given @throws CliError */
function timeOf(given: string | undefined, option: string): string | null {
  if (given === undefined) return null
  const ms = Date.parse(given)
  if (!Number.isNaN(ms)) return new Date(ms).toISOString()
  throw new CliError(exitCodes.usage, `${option} takes a time such as 2026-01-31, not ${given}`)
}
