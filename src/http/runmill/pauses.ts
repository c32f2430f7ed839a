import { setImmediate } from 'node:timers/promises'

/** About 5 ms of statistics. One measure of a million examples takes some 100 ms. */
const examplesAtOnce = 50_000
/** A measure costs so much however few examples it has. */
const leastExamples = 500

/** Lets long work of a request give way to everybody else's. @returns what is called before each measure */
export function createPauses(): (examples: number) => Promise<void> {
  let done = 0
  return async (examples) => {
    done += Math.max(examples, leastExamples)
    if (done <= examplesAtOnce) return
    done = 0
    await setImmediate()
  }
}
