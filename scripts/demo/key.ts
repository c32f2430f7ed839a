import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { chooseTenant, runCommand } from '../../src/command.ts'
import { readConfig } from '../../src/config.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { makeKeyPair } from '../../src/domain/keys.ts'
import { apiKeyUpsert } from '../../src/store/write/keys.ts'

/**
 * Returns a secret key for the server of this checkout: that of an earlier demo, or a new one. It is kept beside the
 * database, whose own password is there too.
 * @param isAccepted whether the server knows the key
 * @returns null when that failed; the reason is printed
 */
export async function demoKey(
  isAccepted: (key: string) => Promise<boolean>,
): Promise<string | null> {
  const file = join(readConfig().dataDir, 'demo-key')
  const kept = (await readFile(file, 'utf8').catch(() => '')).trim()
  if (kept !== '' && (await isAccepted(kept))) return kept
  let made: string | null = null
  await runCommand(async (db) => {
    const pair = makeKeyPair()
    const tenantId = await chooseTenant(db, undefined)
    await apiKeyUpsert(db, tenantId, pair, 'npm run demo', systemClock.now())
    made = pair.secretKey
  })
  if (made === null) return null
  await writeFile(file, `${made as string}\n`, { mode: 0o600 })
  await chmod(file, 0o600)
  return made
}
