import type { Redis } from 'ioredis'
import { describeError, type QueueLog } from '../report.ts'

/**
 * What Redis was acknowledged to hold must be neither evicted, nor kept in memory alone, nor lost to a replica that lagged
 * (SPEC I1). Says in one line what is set otherwise.
 * @param masters the server, or the nodes of a cluster that take writes
 * @returns whether we are allowed to ask (INFO)
 * @throws Error when `isStrict` and something may be lost, or it cannot be known
 */
export async function checkPromise(
  masters: readonly Redis[],
  { log, isStrict }: { log: QueueLog; isStrict: boolean },
): Promise<boolean> {
  let problems: string[]
  let mayInfo = true
  try {
    // INFO instead of CONFIG GET, which managed Redis forbids.
    const found = await Promise.all(masters.map(async (node) => problemsOf(await node.info())))
    problems = [...new Set(found.flat())]
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

function problemsOf(info: string): string[] {
  const read = (field: string) => new RegExp(`^${field}:(\\S+)`, 'm').exec(info)?.[1]
  const policy = read('maxmemory_policy')
  const appendOnly = read('aof_enabled')
  const replicas = Number(read('connected_slaves') ?? 0)
  return [
    policy === 'noeviction'
      ? ''
      : `maxmemory-policy is ${policy ?? 'unknown'}, set it to noeviction`,
    appendOnly === '1'
      ? ''
      : `appendonly is ${appendOnly === '0' ? 'off' : 'unknown'}, set it to yes`,
    // This field is there only where writes need replicas.
    replicas === 0 || read('min_slaves_good_slaves') !== undefined
      ? ''
      : `a failover loses what its replicas lack (${replicas} of them), set min-replicas-to-write to 1 or more`,
  ].filter((problem) => problem !== '')
}
