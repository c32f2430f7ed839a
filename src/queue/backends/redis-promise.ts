import type { Redis } from 'ioredis'
import { describeError, type QueueLog } from '../report.ts'

export interface PromiseOptions {
  log: QueueLog
  /** Refuses instead of warning. */
  isStrict: boolean
  /** How many replicas are asked whether they have a job before it counts as stored; 0 for none. */
  replicas: number
}

/**
 * What Redis was acknowledged to hold must be neither evicted, nor kept in memory alone, nor lost to a replica that lagged
 * (SPEC I1). Says in one line what is set otherwise.
 * @param masters the server, or the nodes of a cluster that take writes
 * @returns whether we are allowed to ask (INFO)
 * @throws Error when `isStrict` and something may be lost, or it cannot be known
 */
export async function checkPromise(
  masters: readonly Redis[],
  { log, isStrict, replicas }: PromiseOptions,
): Promise<boolean> {
  let problems: string[]
  let mayInfo = true
  try {
    // INFO instead of CONFIG GET, which managed Redis forbids.
    const infos = await Promise.all(masters.map(async (node) => node.info()))
    problems = [...new Set(infos.flatMap((info) => problemsOf(info, replicas)))]
    const fewest = Math.min(...infos.map(replicasIn))
    if (fewest < replicas) {
      log.warn(
        {},
        `RUNMILL_REDIS_WAIT is ${replicas}, and Redis has ${fewest} replicas: it takes no events until more follow.`,
      )
    }
  } catch (error) {
    mayInfo = false
    problems = [`it does not say how it is set (INFO: ${describeError(error)})`]
  }
  if (problems.length === 0) return mayInfo
  const sentence = `REDIS MAY LOSE ACCEPTED EVENTS: ${problems.join('; ')}`
  if (isStrict) throw new Error(`${sentence}; RUNMILL_STRICT is 1`)
  log.warn({}, `${sentence}.`)
  return mayInfo
}

function fieldOf(info: string, field: string): string | undefined {
  return new RegExp(`^${field}:(\\S+)`, 'm').exec(info)?.[1]
}

function replicasIn(info: string): number {
  return Number(fieldOf(info, 'connected_slaves') ?? 0)
}

function problemsOf(info: string, awaited: number): string[] {
  const policy = fieldOf(info, 'maxmemory_policy')
  const appendOnly = fieldOf(info, 'aof_enabled')
  const replicas = replicasIn(info)
  // This field is there only where writes need replicas.
  const mayLag = awaited === 0 && fieldOf(info, 'min_slaves_good_slaves') === undefined
  return [
    policy === 'noeviction'
      ? ''
      : `maxmemory-policy is ${policy ?? 'unknown'}, set it to noeviction`,
    appendOnly === '1'
      ? ''
      : `appendonly is ${appendOnly === '0' ? 'off' : 'unknown'}, set it to yes`,
    replicas > 0 && mayLag
      ? `a failover loses what its replicas lack (${replicas} of them), set RUNMILL_REDIS_WAIT to 1, or min-replicas-to-write`
      : '',
  ].filter((problem) => problem !== '')
}
