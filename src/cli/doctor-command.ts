import { readArguments } from './arguments.ts'
import { examineApi } from './doctor/api.ts'
import type { Finding } from './doctor/finding.ts'
import { examinePostgres } from './doctor/postgres.ts'
import { examineRedis } from './doctor/redis.ts'
import { CliError, exitCodes, shown } from './exit.ts'
import { plain } from './render.ts'

const usage = `runmill doctor [--json]

  Looks at the API (RUNMILL_URL, RUNMILL_API_KEY), Postgres (DATABASE_URL) and Redis (REDIS_URL, RUNMILL_REDIS_WAIT), as far as they are set:
  whether they answer, whether a setting may lose data, versions, sizes, slow statements, lag. It changes nothing.

Ends with 0: nothing loses data, 1: something may, 64: nothing is set, 69: something does not answer.`

const signs: Readonly<Record<Finding['level'], string>> = {
  ok: 'ok       ',
  note: '         ',
  warning: 'WARNING  ',
  unknown: 'unknown  ',
  'loses data': 'LOSES    ',
  unreachable: 'AWAY     ',
}

/** Tells how an installation is. */
export async function doctorCommand(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { values, positionals } = readArguments(
    args,
    { json: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
    usage,
  )
  if (values.help) return shown(usage)
  const { RUNMILL_URL: api, DATABASE_URL: database, REDIS_URL: redis } = env
  if (positionals.length > 0 || (!api && !database && !redis)) {
    throw new CliError(
      exitCodes.usage,
      `Set RUNMILL_URL, DATABASE_URL or REDIS_URL to what is to be looked at.\n\n${usage}`,
    )
  }
  const findings = [
    ...(api ? await examineApi(api.replace(/\/+$/, ''), env.RUNMILL_API_KEY) : []),
    ...(database ? await examinePostgres(database) : []),
    ...(redis ? await examineRedis(redis, Number(env.RUNMILL_REDIS_WAIT || 0)) : []),
  ]
  const has = (level: Finding['level']): boolean => findings.some((each) => each.level === level)
  const code = has('loses data')
    ? exitCodes.fail
    : has('unreachable')
      ? exitCodes.unavailable
      : exitCodes.pass
  if (values.json) console.log(JSON.stringify({ version: 1, exit_code: code, findings }, null, 2))
  else console.log(findings.map(lineOf).join('\n'))
  return code
}

function lineOf({ level, message, advice }: Finding): string {
  const line = `${signs[level]}${plain(message)}`
  return advice === undefined ? line : `${line}\n         → ${advice}`
}
