// tsx scripts/contract-check.ts LANGFUSE.yml LANGSMITH.yaml: compares our OpenAPI document, as /docs shows it, with
// the vendors'. Prints one line per difference that scripts/contract-differences.json does not list; the last line
// reads `N passed, N failed`.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { parse } from 'yaml'
import { compareContracts, type Comparison } from './contract-compare.ts'
import type { Document } from './contract-shapes.ts'
import { ownDocument } from './own-document.ts'

interface Allowed {
  reason: string
  /** Lines as they are printed. `*` stands for any text. */
  differences: string[]
}

const [langfuseFile, langsmithFile] = process.argv.slice(2)
if (langfuseFile === undefined || langsmithFile === undefined) {
  console.error('usage: tsx scripts/contract-check.ts LANGFUSE.yml LANGSMITH.yaml')
  process.exit(2)
}

for (const file of [langfuseFile, langsmithFile]) {
  if (existsSync(file)) continue
  console.error(
    `NOT CHECKED: there is no ${file}. The vendors' OpenAPI files are not part of this repository.`,
  )
  process.exit(2)
}

const ours = await ownDocument()
const langfuse = compareContracts(await readDocument(langfuseFile), ours, (path) => path)
const langsmith = compareContracts(await readDocument(langsmithFile), ours, barePath)
const allowed = await readAllowed()
report('Langfuse', langfuse)
report('LangSmith', langsmith)

const patterns = allowed.flatMap(({ differences }) => differences).map((text) => patternOf(text))
const all = [...langfuse.differences, ...langsmith.differences]
const unlisted = all.filter((line) => !patterns.some(({ matches }) => matches(line)))
const outdated = patterns.filter(({ matches }) => !all.some((line) => matches(line)))
for (const line of unlisted) console.log(line)
for (const { text } of outdated)
  console.log(`no difference any more, take it off the list: ${text}`)
const failed = unlisted.length + outdated.length
console.log(`${langfuse.checks + langsmith.checks - unlisted.length} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

function report(vendor: string, { checks, differences, declaredAnswers }: Comparison): void {
  console.log(
    `${vendor}: ${checks} routes and fields, ${differences.length} differences; ` +
      `${declaredAnswers} answers of ours have a schema and were not compared`,
  )
}

async function readDocument(file: string): Promise<Document> {
  return parse(await readFile(file, 'utf8')) as Document
}

async function readAllowed(): Promise<Allowed[]> {
  const file = new URL('contract-differences.json', import.meta.url)
  return JSON.parse(await readFile(file, 'utf8')) as Allowed[]
}

/** Returns the path that a route of LangSmith has here (contracts/langsmith.md 1.1). */
function barePath(path: string): string {
  return path.replace(/^\/api(?:\/v1)?(?=\/)/, '').replace(/^\/v1(?=\/platform\/)/, '')
}

function patternOf(text: string): { text: string; matches: (line: string) => boolean } {
  const pieces = text.split('*').map((piece) => piece.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  const pattern = new RegExp(`^${pieces.join('.*')}$`)
  return { text, matches: (line) => pattern.test(line) }
}
