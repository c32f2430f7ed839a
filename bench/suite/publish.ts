import { writePerformance } from './performance.ts'
import { type Measured, saveResult } from './results.ts'

/** Keeps figures in bench/results, and writes the tables of docs/performance.md anew from all that is there. */
export async function publish(name: string, figures: object, measured: Measured): Promise<void> {
  await saveResult(name, figures, measured)
  await writePerformance()
  console.error(`bench/results/${name}.json and docs/performance.md are written`)
}
