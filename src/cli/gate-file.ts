import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { CliError, exitCodes } from './exit.ts'

/** Settings of the gate, by the names of its options, as the command line would give them. */
export interface GateSettings {
  candidate?: string
  undecided?: string
  baseline?: string
  dataset?: string
  score?: string[]
  margin?: string[]
  direction?: string[]
  'min-mean'?: string[]
  family?: boolean
  'no-new-failures'?: boolean
  'max-missing'?: string
  'max-errors'?: string
  'max-baseline-age'?: string
  'least-pairs'?: string
  wait?: string
}

type Reader = (value: unknown, name: string) => GateSettings[keyof GateSettings]

const readers: Readonly<Record<keyof GateSettings, Reader>> = {
  candidate: one,
  undecided: one,
  baseline: one,
  dataset: one,
  score: list,
  margin: listByKey,
  direction: listByKey,
  'min-mean': listByKey,
  family: flag,
  'no-new-failures': flag,
  'max-missing': one,
  'max-errors': one,
  'max-baseline-age': one,
  'least-pairs': one,
  wait: one,
}

/**
 * Reads settings from a YAML file. Values are checked as those of the options are, later.
 * @throws CliError when the file is not there, is no YAML, or has a setting that the gate does not
 */
export async function readGateFile(path: string): Promise<GateSettings> {
  const settings: unknown = await parsed(path)
  if (settings === null || typeof settings !== 'object' || Array.isArray(settings)) {
    throw new CliError(exitCodes.usage, `${path} has no settings.`)
  }
  const read: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(settings)) {
    if (!Object.hasOwn(readers, name)) {
      const known = Object.keys(readers).join(', ')
      throw new CliError(
        exitCodes.usage,
        `${path}: there is no setting ${name}; there are ${known}`,
      )
    }
    read[name] = readers[name as keyof GateSettings](value, `${path}: ${name}`)
  }
  return read
}

async function parsed(path: string): Promise<unknown> {
  try {
    return parse(await readFile(path, 'utf8'))
  } catch (error) {
    throw new CliError(
      exitCodes.usage,
      `${path} cannot be read: ${error instanceof Error ? error.message : ''}`,
    )
  }
}

function one(value: unknown, name: string): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value)
  throw new CliError(exitCodes.usage, `${name} takes one value`)
}

function list(value: unknown, name: string): string[] {
  return (Array.isArray(value) ? value : [value]).map((each) => one(each, name))
}

/** A value for all scores, or for each one its own. */
function listByKey(value: unknown, name: string): string[] {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return list(value, name)
  return Object.entries(value).map(([key, each]) => `${key}=${one(each, name)}`)
}

function flag(value: unknown, name: string): boolean {
  if (typeof value === 'boolean') return value
  throw new CliError(exitCodes.usage, `${name} is true or false`)
}
