// tsx scripts/supported.ts: writes the lists of served operations into docs/supported.md.
import { readFile, writeFile } from 'node:fs/promises'
import { ownDocument } from './own-document.ts'
import { withServed } from './supported-document.ts'

const file = new URL('../docs/supported.md', import.meta.url)
await writeFile(file, withServed(await readFile(file, 'utf8'), await ownDocument()))
