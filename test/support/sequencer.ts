import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * These files wait, most of them for processes that they start. They begin first, the longest ahead, because at the end of a run
 * nothing would fill their pauses.
 */
const waiting = [
  'main.test.ts',
  'conformance.test.ts',
  'supervise.test.ts',
  'emptied.test.ts',
  'crash.test.ts',
  'stalled.test.ts',
  'secrets.test.ts',
  'silent-postgres.test.ts',
  'embedded/postgres.test.ts',
  'statement-limit.test.ts',
  'expensive-reads.test.ts',
  'backlog.test.ts',
  'heartbeat.test.ts',
  'health-apart.test.ts',
]

/** Begins with the files that spend their time waiting. The others follow as Vitest orders them, large ones first. */
export class WaitingFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- not an array's
    const sorted = await super.sort(files)
    const place = ({ moduleId }: TestSpecification): number => {
      const at = waiting.findIndex((name) => moduleId.endsWith(`/${name}`))
      return at === -1 ? waiting.length : at
    }
    return sorted.toSorted((a, b) => place(a) - place(b))
  }
}
