#!/usr/bin/env node
import { productVersion } from '../domain/version.ts'
import { compareCommand } from './compare-command.ts'
import { deadLettersCommand } from './dead-letters-command.ts'
import { doctorCommand } from './doctor-command.ts'
import { CliError, exitCodes } from './exit.ts'
import { exportCommand } from './export-command.ts'
import { gateCommand } from './gate-command.ts'
import { importCommand } from './import-command.ts'
import { datasetsCommand, experimentsCommand } from './list-commands.ts'
import { plain } from './render.ts'
import { tailCommand } from './tail-command.ts'

const usage = `runmill compare CANDIDATE [BASELINE] …                   compares experiments
runmill gate --candidate NAME --undecided pass|fail …    judges one, for CI
runmill export EXPERIMENT --output FILE …                writes its executions as CSV, JSON Lines or Parquet
runmill import langsmith|langfuse --from-url URL …       copies what another server has, with its ids and times
runmill experiments [--dataset NAME] …                   lists them, with the means of their scores
runmill datasets …                                       lists them
runmill tail PROJECT …                                   prints runs as they come
runmill dead-letters list|reasons|show|replay|discard …  handles events that the database refused
runmill doctor                                           looks at the API, Postgres and Redis for what may lose data
runmill keys create|list|revoke …                        manages keys, on the database itself
runmill tenants create|list|set|delete …                 manages tenants, on the database itself
runmill distribute                                       spreads the tables over a Citus cluster, on the database itself
runmill backup FOLDER, runmill restore FOLDER            copies what the embedded mode has stored, and puts it back

RUNMILL_URL is the address of the server, RUNMILL_API_KEY a secret key of it; keys, tenants and distribute need DATABASE_URL instead. Each command tells more with --help.`

const commands: Readonly<
  Record<string, (args: string[], env: NodeJS.ProcessEnv) => Promise<number>>
> = {
  compare: compareCommand,
  gate: gateCommand,
  export: exportCommand,
  import: importCommand,
  experiments: experimentsCommand,
  datasets: datasetsCommand,
  tail: tailCommand,
  'dead-letters': deadLettersCommand,
  doctor: doctorCommand,
  // The others need none of what these load.
  keys: async (args, env) => (await import('./operator/keys.ts')).keysCommand(args, env),
  backup: async (args, env) => (await import('./operator/backup.ts')).backupCommand(args, env),
  restore: async (args, env) => (await import('./operator/backup.ts')).restoreCommand(args, env),
  tenants: async (args, env) => (await import('./operator/tenants.ts')).tenantsCommand(args, env),
  distribute: async (args, env) =>
    (await import('./operator/distribute.ts')).distributeCommand(args, env),
}

// After `| head` nobody reads on. That is no fault, and no verdict.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

const [name = '', ...args] = process.argv.slice(2)
const command = Object.hasOwn(commands, name) ? commands[name] : undefined
if (['--help', '-h', 'help'].includes(name)) console.log(usage)
else if (name === '--version') console.log(productVersion)
else if (command === undefined) {
  const said = name === '' ? '' : `runmill: There is no command ${plain(name)}.\n\n`
  console.error(said + usage)
  process.exitCode = exitCodes.usage
} else {
  try {
    process.exitCode = await command(args, process.env)
  } catch (error) {
    // 1 would say that the candidate is worse.
    const { code, message } =
      error instanceof CliError ? error : new CliError(exitCodes.failure, String(error))
    console.error(`runmill: ${plain(message)}`)
    process.exitCode = code
  }
}
