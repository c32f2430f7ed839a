import { setTimeout as pause } from 'node:timers/promises'
import { isRetryable } from './errors.ts'
import { startHeartbeat } from './heartbeat.ts'
import { closePool, openPool, type Db, type RequestLimits, type StatementLimits } from './pool.ts'
import { findPooler } from './pooler.ts'
import { runStatement } from './statements.ts'

/** Where a statement that only reads was sent: to the replica, or to the primary because the replica was behind or away. */
export type ReplicaOutcome = 'replica' | 'behind' | 'away'

/** A copy of the database that follows it, for statements that only read. */
export interface Replica {
  /**
   * Waits until the replica shows all that was committed before this call, by whatever process.
   * @returns null when it does not within a moment, or cannot be asked: then the primary has to answer
   */
  caughtUp(): Promise<Db | null>
  /** Whether a statement that failed on the replica with this error is to be run on the primary. */
  isToRepeat(error: unknown): boolean
  /** Why reads go to the primary at the moment, in words; null when they do not. */
  problem(): string | null
  stop(): Promise<void>
}

/** Thrown when the server is no replica of the primary. The message is for the operator. */
export class NoReplicaError extends Error {
  override name = 'NoReplicaError'
  constructor() {
    super(
      'DATABASE_READ_URL leads to a server that is no replica of that of DATABASE_URL: correct it, or unset it.',
    )
  }
}

export interface ReplicaOptions {
  url: string
  /** A pool of the server that the replica follows. Its statements belong to no reading. */
  primary: Db
  /** The most connections at a time. */
  max: number
  requests: RequestLimits
  limits: StatementLimits
  /** Is told of each read. */
  onRead(outcome: ReplicaOutcome): void
}

/** How long a read waits for the replica. Streaming takes a few milliseconds. */
const patienceMs = 200
const lookAgainMs = 4
/** After a failure the replica is left alone for so long, so that not every read waits for it. */
const restMs = 1000

/**
 * Opens a replica. It need not be reachable: as long as it is not, reads go to the primary.
 *
 * Whatever a client was told is written, it reads: each statement first asks the primary how far it is, and goes to the
 * replica once that is there as well. So it does not matter which process has written. Statements that come at the same
 * time share the question.
 * @throws NoReplicaError when it is reachable, and no replica
 */
export async function openReplica(options: ReplicaOptions): Promise<Replica> {
  const { url, primary, max, requests, limits, onRead } = options
  // What works through every pooler works without one.
  const pooler = await findPooler(url).catch(() => ({ keepsStatements: false }))
  const heartbeat = startHeartbeat(url, pooler)
  await expectReplica(heartbeat.db, primary).catch(async (error: unknown) => {
    if (isRetryable(error)) return
    heartbeat.stop()
    await closePool(heartbeat.db)
    throw error
  })
  const db = openPool(url, { max, requests, limits, silence: heartbeat, pooler })
  const askPrimary = shared(async () => positionOf(primary, 'primary_position_find'))
  const askReplica = shared(async () => positionOf(heartbeat.db, 'replica_position_find'))
  /** How far the replica and the primary were when they last said so. */
  let [seen, primaryWas] = [0n, 0n]
  let restsUntil = 0
  let last: ReplicaOutcome = 'replica'

  async function catchUp(): Promise<ReplicaOutcome> {
    const wanted = await askPrimary().catch(() => null)
    if (wanted === null) return 'behind'
    // A standby that was promoted may be behind the server that it stands in for.
    if (wanted < primaryWas) seen = 0n
    primaryWas = wanted
    for (const deadline = performance.now() + patienceMs; ; await pause(lookAgainMs)) {
      if (seen >= wanted) return 'replica'
      seen = (await askReplica()) ?? seen
      if (seen < wanted && performance.now() > deadline) return 'behind'
    }
  }

  function rest(outcome: ReplicaOutcome): void {
    last = outcome
    restsUntil = performance.now() + restMs
    seen = 0n
  }

  return {
    async caughtUp() {
      const isResting = (): boolean => performance.now() < restsUntil
      let outcome = last
      if (!isResting()) {
        // A server that hangs answers no question in time.
        const tooLate = pause(2 * patienceMs, 'behind' as const, { ref: false })
        const asked = catchUp().catch(() => 'away' as const)
        outcome = heartbeat.isSilent() ? 'away' : await Promise.race([asked, tooLate])
        if (outcome !== 'replica') rest(outcome)
        else if (!isResting()) last = outcome
      }
      onRead(outcome)
      return outcome === 'replica' ? db : null
    },
    isToRepeat(error) {
      if (!isRetryable(error)) return false
      rest('away')
      return true
    },
    problem() {
      if (heartbeat.isSilent() || last === 'away') return 'it does not answer'
      return last === 'behind' ? 'it is not known to keep up' : null
    },
    async stop() {
      heartbeat.stop()
      await Promise.all([db, heartbeat.db].map(closePool))
    },
  }
}

async function positionOf(db: Db, statement: string): Promise<bigint | null> {
  const [row] = await runStatement<{ position: string | null }>(db, statement, [])
  return row!.position === null ? null : BigInt(row!.position)
}

/** @throws NoReplicaError when the server holds other data than the primary's, or takes writes itself */
async function expectReplica(db: Db, primary: Db): Promise<void> {
  const identify = async (server: Db) =>
    (await runStatement<{ id: string; isReplica: boolean }>(server, 'server_identify', []))[0]!
  const [copy, original] = await Promise.all([identify(db), identify(primary)])
  if (!copy.isReplica || copy.id !== original.id) throw new NoReplicaError()
}

/** Makes all who ask while a question is under way share the next one, which begins after they came. */
function shared<T>(ask: () => Promise<T>): () => Promise<T> {
  let running: Promise<unknown> | null = null
  let next: Promise<T> | null = null
  const begin = async (): Promise<T> => {
    const asked = ask().finally(() => {
      running = null
    })
    running = asked
    return asked
  }
  return async () => {
    if (running === null && next === null) return begin()
    next ??= Promise.resolve(running)
      .catch(() => {})
      .then(async () => {
        next = null
        return begin()
      })
    return next
  }
}
