import { compareCommand } from './compare-command.ts'
import { CliError, exitCodes } from './exit.ts'
import { gateCommand } from './gate-command.ts'

const usage = `runmill compare CANDIDATE… [--baseline NAME] [--dataset NAME]    compares experiments
runmill gate --candidate NAME --undecided pass|fail …            judges one, for CI

RUNMILL_URL is the address of the server, RUNMILL_API_KEY a secret key of it. Each command tells more with --help.`

const commands: Readonly<Record<string, (args: string[]) => Promise<number>>> = {
  compare: compareCommand,
  gate: gateCommand,
}

const [name = '', ...args] = process.argv.slice(2)
const command = commands[name]
if (command === undefined) {
  const isAsked = name === '--help' || name === 'help'
  console[isAsked ? 'log' : 'error'](usage)
  process.exitCode = isAsked ? exitCodes.pass : exitCodes.usage
} else {
  try {
    process.exitCode = await command(args)
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    console.error(`runmill: ${error.message}`)
    process.exitCode = error.code
  }
}
