import { parseArgs } from 'node:util'
import { chooseTenant, runCommand, UsageError } from './command.ts'
import { systemClock } from './domain/clock.ts'
import { makeKeyPair } from './domain/keys.ts'
import type { Db } from './store/pool.ts'
import {
  allScopes,
  apiKeyList,
  apiKeyUpdateRevoked,
  apiKeyUpsert,
  readScopes,
} from './store/write/keys.ts'

const usage = `npm run keys -- create [--note TEXT] [--read-only] [--admin] [--tenant ID]
                                                     makes a key pair and prints it; --admin: it also shows the
                                                     whole server, and handles what every tenant's events met
npm run keys -- list [--tenant ID]                   lists keys, without secrets
npm run keys -- revoke PUBLIC_KEY [--tenant ID]      ends a key`

type Action = (db: Db, tenantId: string) => Promise<string>

const { tenant, action } = readArguments(process.argv.slice(2))
await runCommand(async (db) => {
  console.log(await action(db, await chooseTenant(db, tenant)))
})

function readArguments(args: string[]): { tenant: string | undefined; action: Action } {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        tenant: { type: 'string' },
        note: { type: 'string' },
        'read-only': { type: 'boolean' },
        admin: { type: 'boolean' },
      },
    })
    const [command, publicKey] = positionals
    if (command === 'create') {
      const scopes = values['read-only'] === true ? readScopes : allScopes
      const more = values.admin === true ? ['admin'] : []
      return { tenant: values.tenant, action: create(values.note ?? null, [...scopes, ...more]) }
    }
    if (command === 'list') return { tenant: values.tenant, action: list }
    if (command === 'revoke' && publicKey !== undefined) {
      return { tenant: values.tenant, action: revoke(publicKey) }
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
  }
  console.error(usage)
  process.exit(2)
}

function create(note: string | null, scopes: readonly string[]): Action {
  return async (db, tenantId) => {
    const pair = makeKeyPair()
    await apiKeyUpsert(db, tenantId, pair, note, systemClock.now(), scopes)
    return `public key  ${pair.publicKey}\nsecret key  ${pair.secretKey}\nThe secret key is not stored and is shown this once.`
  }
}

async function list(db: Db, tenantId: string): Promise<string> {
  const keys = await apiKeyList(db, tenantId)
  const lines = keys.map(({ publicKey, createdAt, revokedAt, note, scopes }) => {
    const state = revokedAt === null ? 'active' : 'revoked'
    const words = [
      state,
      ...(scopes.includes('write') ? [] : ['read-only']),
      ...(scopes.includes('admin') ? ['admin'] : []),
    ]
    return [publicKey, createdAt.slice(0, 19), ...words, note ?? ''].join('  ')
  })
  return [`tenant ${tenantId}`, ...lines].join('\n')
}

function revoke(publicKey: string): Action {
  return async (db, tenantId) => {
    const at = await apiKeyUpdateRevoked(db, tenantId, publicKey, systemClock.now())
    if (at === null) throw new UsageError(`Tenant ${tenantId} has no key ${publicKey}.`)
    return `revoked at ${at}; running servers forget it within a second`
  }
}
