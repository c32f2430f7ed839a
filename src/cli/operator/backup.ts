import { readConfig } from '../../config.ts'
import { backUpFolder, restoreFolder } from '../../embedded/backup.ts'
import { EmbeddedPostgresError } from '../../embedded/errors.ts'
import { readArguments } from '../arguments.ts'
import { CliError, exitCodes, shown } from '../exit.ts'

const usage = `runmill backup FOLDER     copies all that the embedded mode has stored to a new folder
runmill restore FOLDER    puts it back into RUNMILL_DATA_DIR, which must have no data

  No server may run on RUNMILL_DATA_DIR meanwhile. What DATABASE_URL names is backed up with pg_dump.

Ends with 0: done, 64: wrong usage, 69: a server runs, or there is nothing to copy, or something is in the way.`

export async function backupCommand(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  return transfer(args, env, async (folder, dataDir) => {
    await backUpFolder(dataDir, folder)
    return `${folder} has all that is in ${dataDir}.`
  })
}

export async function restoreCommand(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  return transfer(args, env, async (folder, dataDir) => {
    await restoreFolder(folder, dataDir)
    return `${dataDir} has all that is in ${folder}.`
  })
}

async function transfer(
  args: string[],
  env: NodeJS.ProcessEnv,
  work: (folder: string, dataDir: string) => Promise<string>,
): Promise<number> {
  const options = { help: { type: 'boolean', default: false } } as const
  const { values, positionals } = readArguments(args, options, usage)
  if (values.help) return shown(usage)
  const [folder, ...more] = positionals
  if (folder === undefined || more.length > 0) throw new CliError(exitCodes.usage, usage)
  const { databaseUrl, dataDir } = readConfig(env)
  if (databaseUrl !== null) {
    throw new CliError(
      exitCodes.usage,
      'DATABASE_URL is set: pg_dump and pg_restore copy that database (docs/operations.md, Backup and restore).',
    )
  }
  try {
    return shown(await work(folder, dataDir))
  } catch (error) {
    if (error instanceof EmbeddedPostgresError) {
      throw new CliError(exitCodes.unavailable, error.message)
    }
    throw error
  }
}
