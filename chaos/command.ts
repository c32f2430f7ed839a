import { spawn } from 'node:child_process'

export interface Outcome {
  code: number | null
  output: string
}

/** Runs a command to its end. Never throws: a command that is missing has the code null. */
export async function runCommand(
  command: string,
  args: string[],
  options: { uid?: number; gid?: number; cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const collect = (chunk: Buffer): void => {
      output += chunk.toString()
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.once('error', (error) => resolve({ code: null, output: error.message }))
    // Not `close`: a server that the command leaves running keeps the pipes open.
    child.once('exit', (code) => setTimeout(() => resolve({ code, output }), 50))
  })
}
