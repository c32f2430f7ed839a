import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { CliError, cannotBeWritten, exitCodes } from '../exit.ts'

/** How many there are, by kind. */
export type Counts = Record<string, number>

/** A part of an import that is resumed: as far as it has come, and what was read of it. */
interface Unit {
  /** Where the next page is; null when the unit is done. */
  place: string | null
  counts: Counts
}

interface Stored {
  version: 1
  /** What is imported from where to where. Another import must not go on with it. */
  about: string
  startedAt: string
  units: Record<string, Unit>
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
  const stored = await read(file, about)
  let writing: Promise<void> = Promise.resolve()

  async function write(): Promise<void> {
    const text = JSON.stringify(stored)
    try {
      await writeFile(`${file}.part`, text)
      await rename(`${file}.part`, file)
    } catch (error) {
      throw new CliError(exitCodes.usage, cannotBeWritten(file, error))
    }
  }

  return {
    startedAt: stored.startedAt,
    placeOf: (unit) => (Object.hasOwn(stored.units, unit) ? stored.units[unit]!.place : ''),
    async advance(unit, place, counts) {
      const before = stored.units[unit]?.counts ?? {}
      stored.units[unit] = { place, counts: sumOf([before, counts]) }
      // One after the other, because they write to one file.
      writing = writing.then(write)
      await writing
    },
    counts: () => sumOf(Object.values(stored.units).map((unit) => unit.counts)),
    remove: async () => rm(file, { force: true }),
  }
}

async function read(file: string, about: string): Promise<Stored> {
  const text = await readFile(file, 'utf8').catch(() => null)
  if (text === null) {
    return { version: 1, about, startedAt: new Date().toISOString(), units: {} }
  }
  const stored = parse(text)
  if (stored?.version === 1 && stored.about === about) return stored
  throw new CliError(
    exitCodes.usage,
    `${file} is of another import: remove it, or name another file by --state.`,
  )
}

function parse(text: string): Stored | null {
  try {
    return JSON.parse(text) as Stored
  } catch {
    return null
  }
}

export function sumOf(all: readonly Counts[]): Counts {
  const sums: Counts = {}
  for (const counts of all) {
    for (const [kind, count] of Object.entries(counts)) sums[kind] = (sums[kind] ?? 0) + count
  }
  return sums
}
