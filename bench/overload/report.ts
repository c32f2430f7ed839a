import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Db } from '../../src/store/pool.ts'
import { type Line, type Plot, plotsToSvg } from '../line-plot.ts'
import type { MemorySeries } from '../memory.ts'
import { docsFolder, writeSection } from '../suite/sections.ts'
import { type Answered, type Outcome, runsPerRequest } from './client.ts'

/** What was measured of one tenant in one phase. Times are in milliseconds. */
export interface TenantResult {
  who: string
  /** Answers by status; 0 stands for none. */
  statuses: Record<string, number>
  accepted: Spread
  refused: Spread
  /** From the acceptance to the commit of the last run. */
  visible: Spread
  /** Requests that were accepted and cannot be read. */
  missing: number
  ownDelayMs: number
  /** For each second of the phase. */
  perSecond: { accepted: number; refused: number; visibleP99: number | null }[]
}

export interface Spread {
  count: number
  p50: number | null
  p99: number | null
}

export interface QueueResult {
  queue: string
  seconds: number
  /** Runs a second. */
  sustainable: number
  loads: LoadResult[]
}

export interface LoadResult {
  /** What the large tenant sent, of what can be sustained. */
  times: number
  /** When both tenants began, in milliseconds since 1970. */
  startedAt: number
  /** The small one alone, beside the load alone, and beside the large one; then the large one. */
  tenants: TenantResult[]
  memory: MemorySeries[]
  /** How late the event loop of the API was, in milliseconds. */
  turnsMs: { p99: number; max: number }
}

/**
 * Waits until all runs of the accepted requests are committed.
 * @returns when the last run of each request was, in milliseconds since 1970, by the id of its trace. What is not there
 *   within `limitMs` is missing
 */
export async function findCommits(
  db: Db,
  accepted: readonly Answered[],
  limitMs: number,
): Promise<Map<string, number>> {
  const commits = new Map<string, number>()
  const tenants = (await db<{ id: string }[]>`select id from tenants`).map(({ id }) => id)
  let missing = accepted.map(({ id }) => id)
  for (const deadline = Date.now() + limitMs; missing.length > 0; await pause(250)) {
    for (let from = 0; from < missing.length; from += 500) {
      const ids = missing.slice(from, from + 500)
      const rows = await db<{ id: string; runs: number; at: number }[]>`
        select trace_id as id, count(*)::int as runs,
          (extract(epoch from max(pg_xact_commit_timestamp(xmin))) * 1000)::float8 as at
        from runs where tenant_id = any (${tenants}::uuid[]) and trace_id = any (${ids}::uuid[])
        group by trace_id`
      for (const { id, runs, at } of rows) if (runs === runsPerRequest) commits.set(id, at)
      // The oldest are applied first, more or less: the rest is not there yet either.
      if (rows.length === 0) break
    }
    missing = missing.filter((id) => !commits.has(id))
    if (Date.now() > deadline) break
  }
  return commits
}

export function summarize(
  who: string,
  { answered, ownDelayMs }: Outcome,
  commits: ReadonlyMap<string, number>,
): TenantResult {
  const statuses: Record<string, number> = {}
  for (const { status } of answered) statuses[status] = (statuses[status] ?? 0) + 1
  const accepted = answered.filter(({ status }) => status === 202)
  const refused = answered.filter(({ status }) => status !== 202)
  const lagOf = ({ id, sentAt, ms }: Answered): number | null => {
    const at = commits.get(id)
    return at === undefined ? null : Math.max(0, at - (sentAt + ms))
  }
  const lags = (of: Answered[]): number[] => of.map(lagOf).filter((lag) => lag !== null)
  const first = Math.min(...answered.map(({ sentAt }) => sentAt))
  const inSecond = new Map<number, Answered[]>()
  for (const each of answered) {
    const second = Math.floor((each.sentAt - first) / 1000)
    inSecond.set(second, [...(inSecond.get(second) ?? []), each])
  }
  const perSecond = Array.from({ length: Math.max(...inSecond.keys()) + 1 }, (_, second) => {
    const all = inSecond.get(second) ?? []
    const taken = all.filter(({ status }) => status === 202)
    return {
      accepted: taken.length,
      refused: all.length - taken.length,
      visibleP99: spreadOf(lags(taken)).p99,
    }
  })
  return {
    who,
    statuses,
    accepted: spreadOf(accepted.map(({ ms }) => ms)),
    refused: spreadOf(refused.map(({ ms }) => ms)),
    visible: spreadOf(lags(accepted)),
    missing: accepted.filter(({ id }) => !commits.has(id)).length,
    ownDelayMs,
    perSecond,
  }
}

function spreadOf(values: number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): number | null => sorted[Math.ceil(share * sorted.length) - 1] ?? null
  return { count: sorted.length, p50: at(0.5), p99: at(0.99) }
}

const queueNames: Record<string, string> = {
  redis: 'Redis; API and worker apart',
  postgres: 'Postgres; one process',
}

/** As Markdown. */
export function tableOf(results: readonly QueueResult[]): string {
  const head = [
    'Queue',
    'Load',
    'Tenant',
    'Answers',
    'Accepted in, p50 / p99',
    'Refused in, p50 / p99',
    'Visible after, p50 / p99',
    'Missing',
    'Load late by, p99',
  ]
  const all = results.flatMap((result) => result.loads.map((load) => ({ ...result, ...load })))
  const rows = all.flatMap(({ queue, times, tenants }) =>
    tenants.map((tenant) => [
      queueNames[queue] ?? queue,
      `${times} ×`,
      tenant.who,
      Object.entries(tenant.statuses)
        .map(([status, count]) => `${count} × ${status === '0' ? 'none' : status}`)
        .join(', '),
      both(tenant.accepted),
      both(tenant.refused),
      both(tenant.visible),
      String(tenant.missing),
      `${tenant.ownDelayMs.toFixed(0)} ms`,
    ]),
  )
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
  const told = all.map(({ queue, sustainable, times, seconds, memory, tenants, turnsMs }) => {
    const [alone, besideLoad, beside] = tenants.map(({ visible }) => visible.p99)
    const factor = (of: Spread['p99'] | undefined) => (of && alone ? (of / alone).toFixed(1) : '?')
    const peaks = memory.map(({ name, points }) => {
      const peak = Math.max(...points.map(({ mebibytes }) => mebibytes))
      return `${name} ${peak.toFixed(0)} MiB`
    })
    return (
      `- ${queueNames[queue]}: ${sustainable.toFixed(0)} runs/s can be sustained; ` +
      `${(sustainable * times).toFixed(0)} runs/s were sent for ${seconds} s. The small tenant's p99 of visibility is ` +
      `${factor(beside)} times what it is alone (beside the load alone: ${factor(besideLoad)}). The event loop was late by ${turnsMs.p99.toFixed(0)} ms at p99, ${turnsMs.max.toFixed(0)} ms at most. Peak memory: ${peaks.join(', ')}.`
    )
  })
  return [...lines, '', ...told].join('\n')
}

function both({ p50, p99 }: Spread): string {
  return p50 === null || p99 === null ? '–' : `${text(p50)} / ${text(p99)}`
}

function text(ms: number): string {
  return ms < 1000 ? `${ms.toFixed(ms < 10 ? 1 : 0)} ms` : `${(ms / 1000).toFixed(1)} s`
}

export async function writeDocs(results: readonly QueueResult[]): Promise<void> {
  await writeSection('overload.md', 'overload', tableOf(results))
  const svg = plotsToSvg(
    results.flatMap((result) => result.loads.map((load) => plotsOf(result.queue, load))),
  )
  await writeFile(join(docsFolder, 'overload.svg'), svg)
}

function plotsOf(queue: string, { times, startedAt, tenants, memory }: LoadResult): Plot[] {
  const [, , small, large] = tenants
  const name = `${queueNames[queue] ?? queue}, ${times} ×`
  const over = (
    of: TenantResult,
    pick: (second: TenantResult['perSecond'][number]) => number | null,
  ): Line['points'] =>
    of.perSecond.flatMap((second, x) => {
      const y = pick(second)
      return y === null ? [] : [{ x, y }]
    })
  return [
    {
      title: `${name}: answers a second`,
      lines: [
        { name: 'large, accepted', points: over(large!, ({ accepted }) => accepted) },
        { name: 'large, refused', points: over(large!, ({ refused }) => refused) },
        { name: 'small, accepted', points: over(small!, ({ accepted }) => accepted) },
        { name: 'small, refused', points: over(small!, ({ refused }) => refused) },
      ],
    },
    {
      title: 'Visible after, p99 of what was sent in that second, s',
      lines: [
        { name: 'large', points: over(large!, (second) => seconds(second.visibleP99)) },
        { name: 'small', points: over(small!, (second) => seconds(second.visibleP99)) },
      ],
    },
    {
      title: 'Memory, MiB',
      lines: memory.map(({ name: process, points }) => ({
        name: process,
        points: points.map(({ at, mebibytes }) => ({ x: (at - startedAt) / 1000, y: mebibytes })),
      })),
    },
  ]
}

function seconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1000
}
