import { distribute, DistributionError } from '../../store/distribute.ts'
import { migrate } from '../../store/migrate.ts'
import { readArguments } from '../arguments.ts'
import { CliError, exitCodes, shown } from '../exit.ts'
import { useDatabase } from './database.ts'

const usage = `runmill distribute   brings the schema up to date, and spreads the tables by tenant over the nodes of a Citus cluster

  It works on the database that DATABASE_URL names, the coordinator's. Nobody may write meanwhile: stop the servers. A repeat
  spreads what is not yet, such as the tables of a new version, and changes nothing else.

  --json         prints JSON

Ends with 0: done, 2: the database has no Citus, 64: wrong usage, 69: the database cannot be reached.`

/** Distributes the tables of a cluster. */
export async function distributeCommand(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { values, positionals } = readArguments(
    args,
    { json: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
    usage,
  )
  if (values.help) return shown(usage)
  if (positionals.length > 0) throw new CliError(exitCodes.usage, usage)
  return useDatabase(env, async (db) => {
    try {
      await migrate(db)
      const { whole, byTenant, foreignKeys } = await distribute(db)
      if (values.json) {
        return shown(JSON.stringify({ whole, by_tenant: byTenant, foreign_keys: foreignKeys }))
      }
      const done = [
        ...whole.map((table) => `${table}  on every node`),
        ...byTenant.map((table) => `${table}  by tenant`),
      ]
      return shown(
        done.length === 0
          ? 'All tables were distributed already.'
          : [...done, `foreign keys put back: ${foreignKeys}`].join('\n'),
      )
    } catch (error) {
      if (!(error instanceof DistributionError)) throw error
      throw new CliError(exitCodes.undecidable, error.message)
    }
  })
}
