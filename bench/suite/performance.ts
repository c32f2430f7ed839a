import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { plotsToSvg, type Plot } from '../line-plot.ts'
import { listResults, readResult } from './results.ts'
import { docsFolder, writeSection } from './sections.ts'
import type {
  FootprintResult,
  IngestResult,
  LagResult,
  Latency,
  PeersResult,
  ReadsResult,
  ScaleFigure,
  ScaleResult,
  StatisticsResult,
} from './shapes.ts'
import { spreadText } from './spread.ts'
import { tableMarkdown } from './table.ts'
import { targetTable } from './targets.ts'

const document = 'performance.md'
const missing = 'Not measured yet.'
/** Reads that take no longer are not listed one by one. */
const notableMs = 100

/** Writes the tables and plots of docs/performance.md from bench/results. */
export async function writePerformance(): Promise<void> {
  const sections: Record<string, string> = {
    targets: tableMarkdown(targetTable()),
    ingest: ingestSection(),
    cpu: cpuSection(),
    lag: lagSection(),
    footprint: footprintSection(),
    statistics: statisticsSection(),
    scale: scaleSection(),
    reads: readsSection(),
    peers: peersSection(),
    measured: measuredSection(),
  }
  for (const [name, text] of Object.entries(sections)) await writeSection(document, name, text)
  const scale = readResult<ScaleResult>('scale')
  if (scale !== null) {
    const svg = plotsToSvg(scalePlots(scale.figures.sizes))
    await writeFile(join(docsFolder, 'scale.svg'), svg)
  }
}

function ingestResults(): { name: string; figures: IngestResult }[] {
  return listResults()
    .filter((name) => name.startsWith('ingest-'))
    .map((name) => ({ name, figures: readResult<IngestResult>(name)!.figures }))
}

/** `redis-stock-15-otlp` in words. */
function nameOf(name: string): string {
  const isOnRedis = name.includes('-redis')
  const [, stock] = /-stock-(\d+)/.exec(name) ?? []
  const queue = isOnRedis ? 'Redis, API and worker apart' : 'one process'
  return `${queue}, ${stock === undefined ? 'embedded Postgres' : `stock Postgres ${stock}`}`
}

function ingestSection(): string {
  const rows = ingestResults().map(({ name, figures }) => [
    nameOf(name),
    figures.settings.protocol,
    spreadText(figures.floor),
    spreadText(figures.upsert),
    spreadText(figures.endToEnd),
    spreadText(figures.endToEndRatio, 3),
  ])
  if (rows.length === 0) return missing
  const head = ['Mode', 'Protocol', 'Floor, runs/s', 'Own upsert, runs/s', 'End to end, runs/s']
  return tableMarkdown({ head: [...head, 'Of the floor'], rows })
}

const vcpuHourDollars = 0.04
const gigabyteMonthDollars = 0.1

function cpuSection(): string {
  const results = ingestResults()
  if (results.length === 0) return missing
  const components = ['server', 'API', 'worker', 'Postgres', 'Redis']
  const rows = results.map(({ name, figures }) => {
    const micros = components.map((each) => figures.cpuMicrosPerRun[each] ?? null)
    const total = micros.reduce((sum, spread) => sum + (spread?.median ?? 0), 0)
    return [
      `${nameOf(name)}, ${figures.settings.protocol}`,
      ...micros.map((spread) => (spread === null ? '–' : spread.median.toFixed(0))),
      total.toFixed(0),
      // A microsecond per event is a second per million.
      `$${((total / 3600) * vcpuHourDollars).toFixed(4)}`,
    ]
  })
  const head = ['CPU, µs/run', 'One process', 'API', 'Worker', 'Postgres', 'Redis', 'All']
  return tableMarkdown({ head: [...head, 'CPU of a million runs'], rows })
}

function both({ p50, p99 }: Latency): string {
  return `${p50.toFixed(1)} / ${p99.toFixed(1)} ms`
}

function lagSection(): string {
  const rows = ['lag-redis', 'lag-one-process'].flatMap((name) => {
    const result = readResult<LagResult>(name)
    if (result === null) return []
    const { rate, acceptedMs, visibleMs } = result.figures
    return [[nameOf(name), `${rate} events/s`, both(acceptedMs), both(visibleMs)]]
  })
  if (rows.length === 0) return missing
  const head = ['Mode', 'Load', 'Accepted in, p50 / p99', 'Visible after that, p50 / p99']
  return tableMarkdown({ head, rows })
}

function footprintSection(): string {
  const results = ['footprint-redis', 'footprint-one-process'].flatMap((name) => {
    const result = readResult<FootprintResult>(name)
    return result === null ? [] : [{ name, ...result.figures }]
  })
  if (results.length === 0) return missing
  const memory = results.flatMap(({ name, memoryMiB, runs }) => [
    ...Object.entries(memoryMiB).map(([process, { idle, most }]) => [
      nameOf(name),
      process,
      `${idle.toFixed(0)} MiB`,
      `${most.toFixed(0)} MiB in a burst of ${runs / 1000} k`,
    ]),
    [
      nameOf(name),
      'all',
      `${Object.values(memoryMiB)
        .reduce((sum, { idle }) => sum + idle, 0)
        .toFixed(0)} MiB`,
      '',
    ],
  ])
  const bytes = results.flatMap(({ name, bytesPerRun }) =>
    Object.entries(bytesPerRun).map(([where, each]) => [
      nameOf(name),
      where,
      each.toFixed(0),
      `${(each / 1000).toFixed(2)} GB`,
      where === 'in tables and indexes'
        ? `$${((each / 1000) * gigabyteMonthDollars).toFixed(2)} a month`
        : '',
    ]),
  )
  return [
    tableMarkdown({ head: ['Mode', 'Process', 'Idle', 'Most'], rows: memory }),
    tableMarkdown({
      head: ['Mode', 'A run', 'Bytes', 'A million runs', 'Disk'],
      rows: bytes,
    }),
  ].join('\n\n')
}

function statisticsSection(): string {
  const result = readResult<StatisticsResult>('statistics')
  if (result === null) return missing
  const { runs, rate, readMs, pass, refresh } = result.figures
  const { postgres, worker } = refresh.percentOfCore
  const rows = [
    [`read right after ${rate / 4} events, p50 / p99`, both(readMs)],
    [`fresh after a write, at ${rate} events/s, p50 / p99`, both(refresh.freshMs)],
    [
      `what keeping them fresh takes, at ${rate} events/s`,
      `${postgres.toFixed(1)} % of a core in Postgres, ${worker.toFixed(1)} % in the worker`,
    ],
    ...(pass === null
      ? []
      : [
          [
            'a pass over all traces, as after an upgrade',
            `${pass.seconds.toFixed(1)} s; per trace ${pass.microsPerTrace.postgres.toFixed(0)} µs in Postgres, ${pass.microsPerTrace.worker.toFixed(0)} µs in the worker`,
          ],
        ]),
  ]
  return tableMarkdown({ head: [`Statistics, ${sizeText(runs)} runs`, ''], rows })
}

function sizeText(runs: number): string {
  return runs >= 1_000_000 ? `${runs / 1_000_000} M` : `${runs / 1000} k`
}

function scaleSection(): string {
  const result = readResult<ScaleResult>('scale')
  if (result === null) return missing
  const rows = result.figures.sizes.map((each) => [
    sizeText(each.runs),
    `${each.ingest.endToEnd.toFixed(0)} (${each.ingest.ratio.toFixed(3)} of the floor)`,
    ...[each.comparison, each.runsOfProject, each.traces, each.observations, each.statistics].map(
      both,
    ),
  ])
  const head = ['Runs stored', 'Runs/s', 'Comparison', 'Runs of a project', 'Traces']
  return tableMarkdown({ head: [...head, 'Observations', 'Statistics after a write'], rows })
}

function scalePlots(sizes: readonly ScaleFigure[]): Plot[][] {
  const ticks = sizes.map(({ runs }, x) => ({ x, label: sizeText(runs) }))
  const points = (pick: (each: ScaleFigure) => number) =>
    sizes.map((each, x) => ({ x, y: pick(each) }))
  return [
    [
      {
        title: 'Runs a second, by runs stored',
        ticks,
        lines: [
          { name: 'floor', points: points((each) => each.ingest.floor) },
          { name: 'end to end, one process', points: points((each) => each.ingest.endToEnd) },
        ],
      },
      {
        title: 'Median, ms, by runs stored',
        ticks,
        lines: [
          { name: 'comparison', points: points((each) => each.comparison.p50) },
          { name: 'runs', points: points((each) => each.runsOfProject.p50) },
          { name: 'traces', points: points((each) => each.traces.p50) },
          { name: 'statistics after a write', points: points((each) => each.statistics.p50) },
        ],
      },
    ],
  ]
}

function readsSection(): string {
  const result = readResult<ReadsResult>('reads')
  if (result === null) return missing
  const { runs, reads } = result.figures
  const refused = reads.filter(({ isRefused }) => isRefused)
  const within = (ms: number) => reads.filter((each) => !each.isRefused && each.p99 <= ms).length
  const atFirst = (ms: number) => reads.filter((each) => !each.isRefused && each.first <= ms).length
  const notable = reads
    .filter(({ first, p99, isRefused }) => Math.max(first, p99) > notableMs && !isRefused)
    .toSorted((a, b) => b.first - a.first)
  const parts = [
    `Of ${reads.length} requests over ${sizeText(runs)} runs, ${within(notableMs)} take at most ${notableMs} ms at p99, ${within(300)} at most 300 ms, ${within(1000)} at most 1 s; ${refused.length} are refused. When asked for the first time, ${atFirst(300)} take at most 300 ms, ${atFirst(1000)} at most 1 s.`,
  ]
  if (notable.length > 0) {
    const rows = notable.map(({ name, first, p50, p99, found }) => [
      `\`${name.replaceAll('|', '\\|')}\``,
      `${first.toFixed(0)} ms`,
      both({ p50, p99 }),
      found,
    ])
    parts.push(tableMarkdown({ head: ['Request', 'At first', 'Then, p50 / p99', 'Answer'], rows }))
  }
  if (refused.length > 0) {
    const rows = refused.map(({ name, p50, found }) => [
      `\`${name.replaceAll('|', '\\|')}\``,
      `${(p50 / 1000).toFixed(1)} s`,
      found.slice(0, 200).replaceAll('|', '\\|'),
    ])
    parts.push(tableMarkdown({ head: ['Refused', 'After', 'Answer'], rows }))
  }
  return parts.join('\n\n')
}

function peersSection(): string {
  const result = readResult<PeersResult>('peers')
  if (result === null) return missing
  const own = result.figures.peers.find(({ name }) => name === 'Runmill')
  const rows = result.figures.peers.map(({ name, version, rate, cpu }) => {
    const total = cpu === null ? null : cpu.server.median + cpu.postgres.median
    const ownTotal = own?.cpu == null ? null : own.cpu.server.median + own.cpu.postgres.median
    return [
      `${name} ${version}`,
      spreadText(rate),
      own === undefined ? '' : `${(own.rate.median / rate.median).toFixed(1)} ×`,
      cpu === null ? '' : `${cpu.server.median.toFixed(0)} + ${cpu.postgres.median.toFixed(0)}`,
      total === null || ownTotal === null ? '' : `${(total / ownTotal).toFixed(1)} ×`,
    ]
  })
  const head = ['', 'Spans/s', 'Runmill is faster by', 'CPU of server + Postgres, µs/span']
  return tableMarkdown({ head: [...head, 'Of Runmill’s CPU'], rows })
}

function measuredSection(): string {
  const rows = listResults().map((name) => {
    const { machine, versions } = readResult<object>(name)!
    const others = Object.entries(versions).map(([each, version]) => `${each} ${version}`)
    return [
      `\`${name}\``,
      `${machine.cores} × ${machine.cpu}, ${machine.memoryGiB} GiB`,
      others.join(', '),
    ]
  })
  if (rows.length === 0) return missing
  return tableMarkdown({ head: ['Result', 'Machine', 'Versions'], rows })
}
