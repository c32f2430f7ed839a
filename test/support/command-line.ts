import { vi } from 'vitest'
import { CliError } from '../../src/cli/exit.ts'
import type { Harness } from './harness.ts'

type Command = (args: string[], env: NodeJS.ProcessEnv) => Promise<number>

/** Makes a harness listen, and sets its address and key in the environment, until `vi.unstubAllEnvs()`. */
export async function connect(h: Harness, key = h.tenant.secretKey): Promise<string> {
  const url = await h.listen()
  vi.stubEnv('RUNMILL_URL', `${url}/`)
  vi.stubEnv('RUNMILL_API_KEY', key)
  return url
}

/** Runs a command, and returns its exit code with what it printed. */
export async function run(
  command: Command,
  args: string[],
): Promise<{ code: number; printed: string }> {
  const printed: string[] = []
  vi.spyOn(console, 'log').mockImplementation((text: string) => void printed.push(text))
  try {
    return { code: await command(args, process.env), printed: printed.join('\n') }
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    return { code: error.code, printed: error.message }
  }
}
