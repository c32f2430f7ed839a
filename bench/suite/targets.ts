import { readResult } from './results.ts'
import type {
  FootprintResult,
  IngestResult,
  LagResult,
  PeersResult,
  ScaleResult,
} from './shapes.ts'
import type { Table } from './table.ts'

/** The largest size that architecture.md 10 has a target for. */
const targetSize = 10_000_000

/** Compares what was measured with the targets of architecture.md 10. What was not measured is said to be so. */
export function targetTable(): Table {
  const rows = [...ingestRows(), ...peerRows(), ...lagRows(), ...sizeRows(), ...memoryRows()]
  return { head: ['', 'Target', 'Measured', 'Met'], rows }
}

function row(
  name: string,
  target: string,
  measured: string | null | undefined,
  isMet: boolean,
): string[] {
  const isThere = measured !== null && measured !== undefined
  return [name, target, measured ?? 'not measured', isThere ? (isMet ? 'yes' : 'no') : '–']
}

function ingestRows(): string[][] {
  const redis = readResult<IngestResult>('ingest-redis')?.figures
  const one = readResult<IngestResult>('ingest-one-process')?.figures
  const ratio = (figures: IngestResult | undefined, least: number, name: string): string[] => {
    const median = figures?.endToEndRatio.median
    const text =
      figures && `${median!.toFixed(2)} of the floor (${figures.endToEnd.median.toFixed(0)} runs/s)`
    return row(name, `≥ ${least.toFixed(2)} of the floor`, text, (median ?? 0) >= least)
  }
  const limits = [
    ['API', 60],
    ['worker', 45],
    ['Postgres', 75],
  ] as const
  const cpu = limits.map(([name]) => redis?.cpuMicrosPerRun[name]?.median ?? null)
  const areKnown = cpu.every((each) => each !== null)
  return [
    ratio(redis, 0.3, 'end to end, Redis, API and worker apart, 2 kB runs'),
    ratio(one, 0.22, 'end to end, embedded, one process'),
    row(
      'CPU per 2 kB run: API / worker / Postgres',
      `≤ ${limits.map(([, limit]) => limit).join(' / ')} µs`,
      areKnown ? `${cpu.map((each) => each.toFixed(0)).join(' / ')} µs` : null,
      areKnown && limits.every(([, limit], i) => cpu[i]! <= limit),
    ),
  ]
}

function peerRows(): string[][] {
  const peers = readResult<PeersResult>('peers')?.figures.peers ?? []
  const rateOf = (name: string) => peers.find((peer) => peer.name === name)?.rate.median
  const own = rateOf('Runmill')
  return (
    [
      ['MLflow', 9],
      ['Phoenix', 80],
    ] as const
  ).map(([name, least]) => {
    const rate = rateOf(name)
    const factor = own === undefined || rate === undefined ? null : own / rate
    return row(
      `the same OTLP bytes on one stock Postgres 15, against ${name}`,
      `≥ ${least} ×`,
      factor === null
        ? null
        : `${factor.toFixed(1)} × (${own!.toFixed(0)} and ${rate!.toFixed(0)} spans/s)`,
      factor !== null && factor >= least,
    )
  })
}

function lagRows(): string[][] {
  return (['lag-redis', 'lag-one-process'] as const).map((name) => {
    const figures = readResult<LagResult>(name)?.figures
    const [accepted, visible] = [figures?.acceptedMs.p99, figures?.visibleMs.p99]
    return row(
      `2,000 events/s, ${name === 'lag-redis' ? 'Redis' : 'one process'}: accepted p99, visible p99 after that`,
      '≤ 10 ms, ≤ 100 ms',
      figures && `${accepted!.toFixed(1)} ms, ${visible!.toFixed(1)} ms`,
      (accepted ?? 99) <= 10 && (visible ?? 999) <= 100,
    )
  })
}

function sizeRows(): string[][] {
  const sizes = readResult<ScaleResult>('scale')?.figures.sizes ?? []
  const [first, last] = [sizes[0], sizes.at(-1)]
  const isFull = last?.runs === targetSize
  const at = last === undefined ? '' : ` (at ${last.runs / 1_000_000} M runs)`
  const statistics = last?.statistics.p99
  const comparison = last?.comparison.p50
  return [
    row(
      'statistics of a project right after a write',
      '≤ 50 ms at 10 M runs',
      statistics === undefined ? null : `p99 ${statistics.toFixed(1)} ms${at}`,
      isFull && statistics! <= 50,
    ),
    row(
      'comparison page 100 × 3',
      '≤ 25 ms, flat to 10 M runs',
      comparison === undefined
        ? null
        : `${first!.comparison.p50.toFixed(1)} → ${comparison.toFixed(1)} ms${at}`,
      isFull && comparison! <= 25 && comparison! <= first!.comparison.p50 * 1.25,
    ),
  ]
}

function memoryRows(): string[][] {
  const redis = readResult<FootprintResult>('footprint-redis')?.figures
  const one = readResult<FootprintResult>('footprint-one-process')?.figures
  const most = (['API', 'worker'] as const).map((name) => redis?.memoryMiB[name]?.most)
  const idle = (figures: FootprintResult | undefined) =>
    figures && Object.values(figures.memoryMiB).reduce((sum, each) => sum + each.idle, 0)
  const [idleOne, idleRedis] = [idle(one), idle(redis)]
  return [
    row(
      'memory of API and worker in a burst of 100 k events',
      '≤ 512 MiB each',
      redis && `${most.map((each) => each?.toFixed(0) ?? '?').join(' and ')} MiB`,
      most.every((each) => each !== undefined && each <= 512),
    ),
    row(
      'idle in total, with Postgres',
      '≤ 300 MiB',
      idleOne === undefined
        ? null
        : `${idleOne.toFixed(0)} MiB in one process${idleRedis === undefined ? '' : `, ${idleRedis.toFixed(0)} MiB with API, worker and Redis`}`,
      (idleOne ?? 999) <= 300,
    ),
  ]
}
