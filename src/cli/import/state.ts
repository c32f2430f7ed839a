import { appendFile, readFile, rm } from 'node:fs/promises'
import { parsed } from '../client.ts'
import { CliError, cannotBeWritten, exitCodes } from '../exit.ts'

/** How many there are, by kind. */
export type Counts = Record<string, number>

/** A part of an import that is resumed: as far as it has come, and what was read of it. */
interface Unit {
  /** Where the next page is; null when the unit is done. */
  place: string | null
  counts: Counts
}

/** The first line of the file. */
interface Head {
  version: 1
  /** What is imported from where to where. Another import must not go on with it. */
  about: string
  startedAt: string
}

/** Each line after it: what was added to a unit. */
interface Step extends Unit {
  unit: string
}

interface Stored {
  head: Head
  units: Map<string, Unit>
  isNew: boolean
}

/** What an import has done, in a file, so that it can go on after it was stopped. */
export interface State {
  /** When the import began, also when that was an earlier run of the command: it reads nothing that came later. */
  startedAt: string
  /** Where a unit goes on: `''` at its beginning, null when it is done. */
  placeOf(unit: string): string | null
  /** Adds to what was read of a unit, and says where it goes on. */
  advance(unit: string, place: string | null, counts: Counts): Promise<void>
  /** What was read of all units. */
  counts(): Counts
  /** All is done: the next import begins anew. */
  remove(): Promise<void>
}

/** @throws CliError when the file belongs to another import, or cannot be written */
export async function openState(file: string, about: string): Promise<State> {
  const { head, units, isNew } = await read(file, about)
  /** What the next line comes after: an import that did nothing leaves no file. */
  const before = isNew ? [JSON.stringify(head)] : []
  let writing: Promise<void> = Promise.resolve()

  /** Adds a line at the end, so a step costs as much after many others as after none. */
  async function append(line: string): Promise<void> {
    // The break comes first, so that a line which was cut off spoils no other.
    const text = [...before.splice(0), line].map((each) => `\n${each}`).join('')
    try {
      await appendFile(file, text)
    } catch (error) {
      throw new CliError(exitCodes.usage, cannotBeWritten(file, error))
    }
  }

  return {
    startedAt: head.startedAt,
    placeOf(unit) {
      const found = units.get(unit)
      return found === undefined ? '' : found.place
    },
    async advance(unit, place, counts) {
      addStep(units, { unit, place, counts })
      // One after the other, because they write to one file.
      writing = writing.then(async () => append(JSON.stringify({ unit, place, counts })))
      await writing
    },
    counts: () => sumOf([...units.values()].map((unit) => unit.counts)),
    remove: async () => rm(file, { force: true }),
  }
}

function addStep(units: Map<string, Unit>, { unit, place, counts }: Step): void {
  units.set(unit, { place, counts: sumOf([units.get(unit)?.counts ?? {}, counts]) })
}

/** Reads the file, without a line that was cut off when the command was stopped. */
async function read(file: string, about: string): Promise<Stored> {
  const text = await readFile(file, 'utf8').catch(() => null)
  const units = new Map<string, Unit>()
  if (text === null) {
    const head: Head = { version: 1, about, startedAt: new Date().toISOString() }
    return { head, units, isNew: true }
  }
  const [head, ...steps] = text
    .trimStart()
    .split('\n')
    .map((line) => parsed(line))
  if (!isHeadOf(head, about)) {
    throw new CliError(
      exitCodes.usage,
      `${file} is of another import: remove it, or name another file by --state.`,
    )
  }
  for (const step of steps as (Step | null)[]) {
    if (step !== null) addStep(units, step)
  }
  return { head, units, isNew: false }
}

function isHeadOf(value: unknown, about: string): value is Head {
  const head = value as Partial<Head> | null | undefined
  return head?.version === 1 && head.about === about
}

export function sumOf(all: readonly Counts[]): Counts {
  const sums: Counts = {}
  for (const counts of all) {
    for (const [kind, count] of Object.entries(counts)) sums[kind] = (sums[kind] ?? 0) + count
  }
  return sums
}
