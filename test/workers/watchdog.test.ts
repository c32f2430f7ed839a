import { expect, onTestFinished, test, vi } from 'vitest'
import { systemClock } from '../../src/domain/clock.ts'
import { createProgress, type LaneProgress } from '../../workers/progress.ts'
import { startWatchdog, type Watchdog } from '../../workers/watchdog.ts'

interface Watched {
  bulk: LaneProgress
  interactive: LaneProgress
  watchdog: Watchdog
  stuck: number[]
  contact: ReturnType<typeof vi.fn>
  /** Resolves after so many looks. */
  looks(count: number): Promise<void>
}

function watched(): Watched {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const progress = createProgress(systemClock)
  const bulk = progress.lane('ingest')
  const interactive = progress.lane('ingest-interactive')
  const stuck: number[] = []
  const contact = vi.fn(async () => {})
  const onStuck = (seconds: number): void => void stuck.push(seconds)
  const watchdog = startWatchdog({ progress, contact, onStuck, stuckMs: 90_000 })
  onTestFinished(() => watchdog.stop())
  const looks = async (count: number): Promise<void> => {
    await vi.advanceTimersByTimeAsync(count * 1_000)
  }
  return { bulk, interactive, watchdog, stuck, contact, looks }
}

test('workers that hold a job and finish nothing are stuck, though another lane goes on', async () => {
  const { bulk, interactive, watchdog, stuck, looks } = watched()
  bulk.hold(1)
  for (let second = 0; second < 90; second++) {
    interactive.hold(1)
    interactive.finished([], 1)
    interactive.hold(-1)
    await looks(1)
  }
  expect(stuck).toEqual([])
  expect(watchdog.stillMs()).toBe(89_000)
  await looks(1)
  expect(stuck).toEqual([90])
  await looks(200)
  expect(stuck).toEqual([90])
})

test('workers that hold nothing, finish something, or wait for the database are not stuck', async () => {
  const { bulk, watchdog, stuck, looks } = watched()
  await looks(300)
  bulk.hold(1)
  await looks(80)
  bulk.finished([], 1)
  await looks(80)
  bulk.waits()
  await looks(80)
  bulk.hold(-1)
  await looks(80)
  expect(stuck).toEqual([])
  expect(watchdog.stillMs()).toBe(0)
})

test('while Postgres or the queue does not answer nothing is ended, and the time counts from then on', async () => {
  const { bulk, contact, stuck, looks } = watched()
  contact.mockRejectedValueOnce(new Error('away'))
  bulk.hold(1)
  await looks(100)
  expect(contact).toHaveBeenCalledOnce()
  expect(stuck).toEqual([])
  await looks(100)
  expect(stuck).toEqual([90])
})
