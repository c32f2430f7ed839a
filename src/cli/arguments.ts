import { parseArgs, type ParseArgsConfig } from 'node:util'
import type { CompareBody } from './comparison.ts'
import { CliError, exitCodes } from './exit.ts'

/** @throws CliError for what the options do not allow */
export function readArguments<const Options extends NonNullable<ParseArgsConfig['options']>>(
  args: string[],
  options: Options,
  usage: string,
) {
  try {
    return parseArgs<{ args: string[]; options: Options; allowPositionals: true }>({
      args,
      options,
      allowPositionals: true,
    })
  } catch (error) {
    throw new CliError(
      exitCodes.usage,
      `${error instanceof Error ? error.message : ''}\n\n${usage}`,
    )
  }
}

/**
 * Reads `KEY=VALUE`, or a bare value for every key in `keys`.
 * @throws CliError for a value that is no number of 0 or more, or a key that is not in `keys`
 */
export function numbersByKey(
  given: readonly string[],
  keys: readonly string[],
  option: string,
): Record<string, number> {
  const numbers: Record<string, number> = {}
  for (const each of given) {
    const at = each.lastIndexOf('=')
    const value = numberOf(each.slice(at + 1), option)
    const named = at < 0 ? keys : [each.slice(0, at)]
    assertKeys(named, keys, option)
    for (const key of named) numbers[key] = value
  }
  return numbers
}

/** Reads `KEY=higher` and `KEY=lower`. @throws CliError */
export function directionsOf(given: readonly string[]): Record<string, 'higher' | 'lower'> {
  const directions = given.map((each): [string, 'higher' | 'lower'] => {
    const at = each.lastIndexOf('=')
    const direction = each.slice(at + 1)
    if (at < 1 || (direction !== 'higher' && direction !== 'lower')) {
      throw new CliError(exitCodes.usage, `--direction takes KEY=higher or KEY=lower, not ${each}`)
    }
    return [each.slice(0, at), direction]
  })
  return Object.fromEntries(directions)
}

/** A misspelt key would be a rule that is never looked at. @throws CliError */
export function assertKeys(
  named: readonly string[],
  keys: readonly string[],
  option: string,
): void {
  const unknown = named.find((key) => !keys.includes(key))
  if (unknown === undefined) return
  const known = keys.length === 0 ? 'none' : keys.join(', ')
  throw new CliError(exitCodes.usage, `${option}: ${unknown} is not judged; what is: ${known}`)
}

/** @throws CliError when the text is no number of 0 or more */
export function numberOf(text: string, option: string): number {
  const value = Number(text)
  if (text.trim() !== '' && value >= 0 && Number.isFinite(value)) return value
  throw new CliError(exitCodes.usage, `${option} takes a number of 0 or more, not ${text}`)
}

/** @throws CliError when the text is no whole number of 1 or more */
export function countOf(text: string, option: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new CliError(exitCodes.usage, `${option} takes a whole number of 1 or more, not ${text}`)
}

const unitsMs: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** Reads for example `90s`, `15m`, `12h`, `7d` as milliseconds. @throws CliError */
export function durationOf(text: string, option: string): number {
  const match = /^(\d{1,6})([smhd])$/.exec(text)
  if (match === null) {
    throw new CliError(
      exitCodes.usage,
      `${option} takes a time such as 90s, 15m, 12h or 7d, not ${text}`,
    )
  }
  return Number(match[1]) * unitsMs[match[2]!]!
}

/** What names an experiment. */
interface ExperimentName {
  name: string
  /** Of `previous` or `latest`: what its metadata must contain. */
  metadata?: Record<string, string>
}

/**
 * Reads an id, a name, `previous` or `latest`, the last two with conditions on the metadata, as in
 * `latest:branch=main,model=x`.
 * @throws CliError
 */
export function experimentOf(text: string, option: string): ExperimentName {
  const match = /^(previous|latest):(.+)$/.exec(text)
  if (match === null) return { name: text }
  return { name: match[1]!, metadata: pairsOf(match[2]!.split(','), option) }
}

/** Reads texts of `KEY=VALUE`. @throws CliError */
export function pairsOf(texts: readonly string[], option: string): Record<string, string> {
  const pairs = texts.map((pair): [string, string] => {
    const at = pair.indexOf('=')
    if (at < 1) throw new CliError(exitCodes.usage, `${option}: ${pair} is not KEY=VALUE`)
    return [pair.slice(0, at), pair.slice(at + 1)]
  })
  return Object.fromEntries(pairs)
}

/** @throws CliError */
export function candidateOf(text: string): Pick<CompareBody, 'candidates' | 'candidate_metadata'> {
  const { name, metadata } = experimentOf(text, 'The candidate')
  return { candidates: [name], ...(metadata === undefined ? {} : { candidate_metadata: metadata }) }
}

/** @throws CliError */
export function baselineOf(text: string): Pick<CompareBody, 'baseline' | 'baseline_metadata'> {
  const { name, metadata } = experimentOf(text, 'The baseline')
  return { baseline: name, ...(metadata === undefined ? {} : { baseline_metadata: metadata }) }
}
