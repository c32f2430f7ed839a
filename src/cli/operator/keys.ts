import { chooseTenant, createKeys } from '../../command.ts'
import { systemClock } from '../../domain/clock.ts'
import type { Db } from '../../store/pool.ts'
import { allScopes, apiKeyList, apiKeyUpdateRevoked, readScopes } from '../../store/write/keys.ts'
import { readArguments } from '../arguments.ts'
import { CliError, exitCodes, shown } from '../exit.ts'
import { useDatabase } from './database.ts'

const usage = `runmill keys create [OPTIONS]       makes a key pair and prints it
runmill keys list [OPTIONS]         lists keys, without secrets
runmill keys revoke PUBLIC_KEY      ends a key; running servers forget it within a second

  It works on the database that DATABASE_URL names, or on the embedded one, whether or not a server is running.

  --tenant ID    id or name of the tenant, where there are several
  --note TEXT    what the key is for
  --read-only    it can only read
  --admin        it also shows the whole server, and handles what every tenant's events met
  --json         prints JSON

Ends with 0: done, 2: there is no such key or tenant, or it is being deleted, 64: wrong usage, 69: the database cannot be reached.`

/** Makes, lists and revokes keys. */
export async function keysCommand(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { values, positionals } = readArguments(
    args,
    {
      tenant: { type: 'string' },
      note: { type: 'string' },
      'read-only': { type: 'boolean', default: false },
      admin: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    usage,
  )
  if (values.help) return shown(usage)
  const [name, publicKey, ...more] = positionals
  const isRevoke = name === 'revoke'
  const isKnown = name === 'create' || name === 'list' || isRevoke
  if (!isKnown || isRevoke !== (publicKey !== undefined) || more.length > 0) {
    throw new CliError(exitCodes.usage, usage)
  }
  await useDatabase(env, async (db) => {
    const { id: tenantId } = await chooseTenant(db, values.tenant)
    if (name === 'list') return list(db, tenantId, values.json)
    if (isRevoke) return revoke(db, tenantId, publicKey!, values.json)
    const scopes = [
      ...(values['read-only'] ? readScopes : allScopes),
      ...(values.admin ? ['admin'] : []),
    ]
    const note = values.note ?? null
    console.log(await createShownKeys(db, tenantId, { note, scopes, isJson: values.json }))
  })
  return exitCodes.pass
}

/**
 * Makes a key pair.
 * @returns what is printed of it, which is shown this once
 * @throws TenantError when the tenant is being deleted
 */
export async function createShownKeys(
  db: Db,
  tenantId: string,
  { note, scopes, isJson }: { note: string | null; scopes: readonly string[]; isJson: boolean },
): Promise<string> {
  const { publicKey, secretKey } = await createKeys(db, tenantId, { note, scopes })
  if (isJson) {
    return JSON.stringify({ tenant_id: tenantId, public_key: publicKey, secret_key: secretKey })
  }
  return `public key  ${publicKey}\nsecret key  ${secretKey}\nThe secret key is not stored and is shown this once.`
}

async function list(db: Db, tenantId: string, isJson: boolean): Promise<void> {
  const keys = await apiKeyList(db, tenantId)
  if (isJson) {
    const shown = keys.map(({ publicKey, scopes, note, createdAt, revokedAt }) => ({
      public_key: publicKey,
      scopes,
      note,
      created_at: createdAt,
      revoked_at: revokedAt,
    }))
    console.log(JSON.stringify(shown, null, 2))
    return
  }
  const lines = keys.map(({ publicKey, createdAt, revokedAt, note, scopes }) => {
    const state = revokedAt === null ? 'active' : 'revoked'
    const words = [
      state,
      ...(scopes.includes('write') ? [] : ['read-only']),
      ...(scopes.includes('admin') ? ['admin'] : []),
    ]
    return [publicKey, createdAt.slice(0, 19), ...words, note ?? ''].join('  ')
  })
  console.log([`tenant ${tenantId}`, ...lines].join('\n'))
}

async function revoke(db: Db, tenantId: string, key: string, isJson: boolean): Promise<void> {
  const at = await apiKeyUpdateRevoked(db, tenantId, key, systemClock.now())
  if (at === null) {
    throw new CliError(exitCodes.undecidable, `Tenant ${tenantId} has no key ${key}.`)
  }
  console.log(
    isJson
      ? JSON.stringify({ public_key: key, revoked_at: at })
      : `revoked at ${at}; running servers forget it within a second`,
  )
}
