import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { chooseTenant, createKeys, runCommand } from '../../src/command.ts'
import { readConfig } from '../../src/config.ts'

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
    const { id } = await chooseTenant(db, undefined)
    made = (await createKeys(db, id, { note: 'npm run demo' })).secretKey
  })
  if (made === null) return null
  await writeFile(file, `${made as string}\n`, { mode: 0o600 })
  await chmod(file, 0o600)
  return made
}
