import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { findTenant } from '../../command.ts'
import type { Config } from '../../config.ts'
import { createConfiguredBlobs } from '../../configured-blobs.ts'
import { systemClock } from '../../domain/clock.ts'
import { isUuid } from '../../domain/ids.ts'
import { toEpochMs, type Timestamp } from '../../domain/timestamp.ts'
import { reach } from '../../start-error.ts'
import type { Db } from '../../store/pool.ts'
import { allScopes } from '../../store/write/keys.ts'
import {
  tenantCountRows,
  tenantDelete,
  tenantIsDeleted,
  type TenantRows,
} from '../../store/write/tenants/tenant-deletion.ts'
import { traceCountOverdue, tenantUpdateRetention } from '../../store/write/tenants/retention.ts'
import {
  type ListedTenant,
  type TenantState,
  tenantFindState,
  tenantInsert,
  tenantList,
  tenantUpdateName,
} from '../../store/write/tenants/tenants.ts'
import { readArguments } from '../arguments.ts'
import { CliError, exitCodes, shown } from '../exit.ts'
import { createProgress } from '../progress.ts'
import { plain } from '../render.ts'
import { tableText, timeText } from '../table.ts'
import { useDatabase } from './database.ts'
import { createShownKeys } from './keys.ts'

const usage = `runmill tenants create NAME           makes a tenant with a key pair, which is printed this once
runmill tenants list                  lists tenants
runmill tenants set TENANT [--name N] [--retention-days N | --keep-forever]
                                      changes its name, or for how long it keeps traces with their runs and feedback
runmill tenants delete TENANT         counts what the deletion would remove
runmill tenants delete TENANT --yes   removes it all, in chunks, and counts what is left; may be stopped and repeated

  TENANT is an id, or a name that only one has. It works on the database that DATABASE_URL names, or on the embedded one,
  whether or not a server is running. Run delete where the attachments are: with the settings of an API process.

  --json         prints JSON

Ends with 0: done, 1: rows are left, 2: there is no such tenant, 64: wrong usage, 69: the database cannot be reached.`

/** Longer than any transaction of ours, and than any held key. */
const settleMs = 60_000

/** Traces that retention has yet to remove are counted up to this number. */
const mostOverdue = 100_000

interface Asked {
  name: string | undefined
  /** For how many days traces are kept; null: for ever; undefined: as before. */
  days: number | null | undefined
  isSure: boolean
  isJson: boolean
}

/** Makes, lists, renames and deletes tenants. */
export async function tenantsCommand(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { values, positionals } = readArguments(
    args,
    {
      name: { type: 'string' },
      'retention-days': { type: 'string' },
      'keep-forever': { type: 'boolean', default: false },
      yes: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    usage,
  )
  if (values.help) return shown(usage)
  const [action, given, ...more] = positionals
  const days = daysOf(values['retention-days'], values['keep-forever'])
  const asked = { name: values.name, days, isSure: values.yes, isJson: values.json }
  if (more.length > 0) throw new CliError(exitCodes.usage, usage)
  return useDatabase(env, async (db, config) => {
    if (action === 'list' && given === undefined) return list(db, asked)
    if (given === undefined) throw new CliError(exitCodes.usage, usage)
    if (action === 'create') return create(db, given, asked)
    if (action === 'set') return set(db, given, asked)
    if (action === 'delete') return remove(db, config, given, asked)
    throw new CliError(exitCodes.usage, usage)
  })
}

/** @throws CliError */
function daysOf(text: string | undefined, isForever: boolean): number | null | undefined {
  if (text === undefined) return isForever ? null : undefined
  const isDays = /^[1-9]\d{0,4}$/.test(text)
  if (isDays && !isForever) return Number(text)
  throw new CliError(exitCodes.usage, `--retention-days takes 1 to 99999 days.\n\n${usage}`)
}

async function create(db: Db, name: string, { isJson }: Asked): Promise<number> {
  if (name.length > 200) throw new CliError(exitCodes.usage, 'A name has at most 200 characters.')
  const others = await tenantList(db)
  if (others.some((each) => [each.id, each.name].includes(name))) {
    throw new CliError(exitCodes.usage, `There is a tenant ${name} already.`)
  }
  const id = randomUUID()
  await tenantInsert(db, { id, name }, systemClock.now())
  const keys = await createShownKeys(db, id, { note: 'first keys', scopes: allScopes, isJson })
  return shown(isJson ? keys : `tenant      ${id}\n${keys}`)
}

async function list(db: Db, { isJson }: Asked): Promise<number> {
  const tenants: DescribedTenant[] = []
  for (const tenant of await tenantList(db)) tenants.push(await describe(db, tenant))
  if (isJson) return shown(JSON.stringify(tenants.map(listedOf), null, 2))
  return shown(
    tableText(
      ['id', 'name', 'created', 'oldest trace', 'keeps', 'to remove', 'state'],
      tenants.map((each) => [
        each.id,
        each.name,
        timeText(each.createdAt),
        timeText(each.oldestTraceAt),
        keepsText(each),
        overdueText(each.overdueTraces),
        each.isDeleted ? 'being deleted: repeat tenants delete' : 'active',
      ]),
    ),
  )
}

async function set(db: Db, given: string, { name, days, isJson }: Asked): Promise<number> {
  if (name === '' || (name?.length ?? 0) > 200 || (name ?? days) === undefined) {
    const what = 'Give a --name of 1 to 200 characters, --retention-days or --keep-forever.'
    throw new CliError(exitCodes.usage, `${what}\n\n${usage}`)
  }
  const { id } = await findTenant(db, given)
  if (name !== undefined) await tenantUpdateName(db, id, name)
  if (days !== undefined) await tenantUpdateRetention(db, id, days)
  const now = await describe(db, await findTenant(db, id))
  return shown(
    isJson
      ? JSON.stringify(listedOf(now), null, 2)
      : `tenant ${id} is named ${plain(now.name)} and keeps traces ${keepsText(now)}`,
  )
}

interface DescribedTenant extends ListedTenant, TenantState {
  /** Traces that retention has yet to remove, up to `mostOverdue`. */
  overdueTraces: number
}

async function describe(db: Db, tenant: ListedTenant): Promise<DescribedTenant> {
  const overdueTraces =
    tenant.retentionDays === null
      ? 0
      : await traceCountOverdue(db, tenant.id, systemClock.now(), mostOverdue)
  return { ...tenant, ...(await tenantFindState(db, tenant.id)), overdueTraces }
}

function keepsText({ retentionDays: days }: ListedTenant): string {
  return days === null ? 'for ever' : `${days} days`
}

function overdueText(traces: number): string {
  return traces < mostOverdue ? String(traces) : `${mostOverdue} or more`
}

function listedOf(tenant: DescribedTenant): object {
  return {
    id: tenant.id,
    name: tenant.name,
    created_at: tenant.createdAt,
    retention_days: tenant.retentionDays,
    oldest_trace_at: tenant.oldestTraceAt,
    overdue_traces: tenant.overdueTraces,
    is_being_deleted: tenant.isDeleted,
  }
}

async function remove(
  db: Db,
  config: Config,
  given: string,
  { isSure, isJson }: Asked,
): Promise<number> {
  const isGone = isUuid(given) && (await tenantIsDeleted(db, given))
  const { id, name } = isGone ? { id: given, name: 'deleted' } : await findTenant(db, given)
  if (!isSure) {
    const rows = await tenantCountRows(db, id)
    if (isJson) return shown(JSON.stringify({ id, name, rows }, null, 2))
    console.log(rowsText(['table', 'rows'], rows, [rows]))
    return shown(`--yes removes all of it, and the keys and the tenant ${id} (${plain(name)})`)
  }
  const { blobs, where, setting } = createConfiguredBlobs(config, {
    db,
    clock: systemClock,
    log: { info() {}, warn() {}, error: (facts, message) => console.error(message, facts) },
  })
  await reach(where, setting, async () => blobs.start())
  const removed: Record<string, number> = {}
  const progress = createProgress()
  try {
    const left = await tenantDelete(db, id, {
      now: systemClock.now(),
      removeBlob: async (blobId) => void (await blobs.removeUnused(id, blobId, 'infinity')),
      settle,
      progress(table, rows) {
        removed[table] = (removed[table] ?? 0) + rows
        progress.tell(`${table}: ${removed[table]} removed`)
      },
    })
    progress.end()
    const isDone = Object.values(left).every((count) => count === 0)
    console.log(
      isJson
        ? JSON.stringify({ id, removed, left }, null, 2)
        : rowsText(['table', 'removed', 'left'], left, [removed, left]),
    )
    return isDone ? exitCodes.pass : exitCodes.fail
  } finally {
    progress.end()
    await blobs.stop()
  }
}

/** A write that began before the deletion may still end after it, and a server may hold a key for some seconds. */
async function settle(deletedAt: Timestamp): Promise<void> {
  const left = toEpochMs(deletedAt) + settleMs - Date.now()
  if (left <= 0) return
  console.error(`waiting ${Math.ceil(left / 1000)} s for writes that are under way`)
  await pause(left)
}

function rowsText(head: string[], rows: TenantRows, columns: TenantRows[]): string {
  const lines = Object.keys(rows).map((table) => [
    table,
    ...columns.map((each) => String(each[table] ?? 0)),
  ])
  return tableText(head, lines)
}
