import type { Db } from './pool.ts'

/**
 * Asks a pool for a sign of life.
 * @throws Error when there is none within `limitMs`
 */
export async function pingPool(db: Db, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${limitMs} ms`)), limitMs)
  })
  try {
    await Promise.race([db`select 1`, limit])
  } finally {
    clearTimeout(timer)
  }
}
