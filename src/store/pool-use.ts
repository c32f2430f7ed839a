import type { TransactionSql } from 'postgres'
import type { Db } from './pool.ts'
import { queryRunnerOf, setQueryRunner } from './statements.ts'

/** Is told how a pool is used. */
export interface PoolUse {
  /** A statement or a transaction needs a connection, or needs it no longer. */
  wanted(change: 1 | -1): void
  /** How long a transaction waited until it had begun, in seconds. */
  waited(seconds: number): void
  /** How long a statement outside transactions took, in seconds, its wait included. */
  took(seconds: number): void
}

/**
 * Tells `use` of all statements and transactions of a pool. The driver does not say how many connections are at work, but
 * it gives each statement and each transaction a connection of its own while there are any.
 */
export function watchPool(db: Db, use: PoolUse): Db {
  const begin = db.begin.bind(db)
  const watched = async <T>(work: (transaction: TransactionSql) => T | Promise<T>) => {
    const startedAt = performance.now()
    use.wanted(1)
    try {
      return await begin((transaction) => {
        use.waited(secondsSince(startedAt))
        return work(transaction)
      })
    } finally {
      use.wanted(-1)
    }
  }
  // Nobody here begins a transaction with options, which would be another signature.
  db.begin = watched as Db['begin']

  const runner = queryRunnerOf(db)
  setQueryRunner(db, async (start, facts) => {
    const startedAt = performance.now()
    use.wanted(1)
    try {
      return await (runner === undefined ? start() : runner(start, facts))
    } finally {
      use.wanted(-1)
      use.took(secondsSince(startedAt))
    }
  })
  return db
}

function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1000
}
