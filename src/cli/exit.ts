/** The exit codes of `runmill` (docs/compare.md). */
export const exitCodes = {
  pass: 0,
  /** It is worse, or beyond a threshold. */
  fail: 1,
  /** It cannot be judged: something is missing, unfinished, too few, or does not fit together. */
  undecidable: 2,
  /** The command itself is wrong, or the key is. */
  usage: 64,
  /** The server cannot be reached, or cannot answer now. */
  unavailable: 69,
  /** The command has a fault. */
  failure: 70,
} as const

/** Prints what was asked for, which is all. @returns the exit code */
export function shown(text: string): number {
  console.log(text)
  return exitCodes.pass
}

/** What is said of a file that cannot be written. */
export function cannotBeWritten(path: string, error: unknown): string {
  return `${path} cannot be written: ${error instanceof Error ? error.message : String(error)}`
}

/** Ends the command with a message for whoever gave it. */
export class CliError extends Error {
  override name = 'CliError'
  readonly code: number
  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}
