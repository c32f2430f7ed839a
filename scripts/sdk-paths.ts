// tsx scripts/sdk-paths.ts FOLDER…: lists every path that the sources of an SDK call, and whether it is served or why
// not, by docs/supported.md. The sources are no part of this repository. Exits with 1 when a path is neither.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ownDocument } from './own-document.ts'
import { findLeft, nameless, readLeft, servedOperations } from './supported-document.ts'

const folders = process.argv.slice(2)
if (folders.length === 0) {
  console.error('usage: tsx scripts/sdk-paths.ts FOLDER…')
  process.exit(2)
}

const served = new Set([...servedOperations(await ownDocument()).values()].flat().map(nameless))
const left = readLeft(readFileSync(new URL('../docs/supported.md', import.meta.url), 'utf8'))
const families = new Set(
  [
    ...[...served].map((operation) => operation.split(' ')[1]!),
    ...left.map(({ path }) => path),
  ].map((path) => familyOf(path)),
)

/** Lines by call. */
const found = new Map<string, string>()
for (const folder of folders) {
  for (const file of sourcesBelow(folder)) {
    for (const call of callsIn(readFileSync(file, 'utf8'))) found.set(call, verdictOf(call))
  }
}
const lines = [...found].toSorted(([a], [b]) => (pathOf(a) < pathOf(b) ? -1 : 1))
for (const [call, verdict] of lines) console.log(`| \`${call}\` | ${verdict} |`)
const unknown = lines.filter(([, verdict]) => verdict === 'UNKNOWN').length
const there = lines.filter(([, verdict]) => verdict === 'there').length
console.log(
  `${lines.length} calls: ${there} there, ${lines.length - there - unknown} out, ${unknown} unknown`,
)
process.exitCode = unknown === 0 && lines.length > 0 ? 0 : 1

function verdictOf(call: string): string {
  const [method = '', path = ''] = call.split(' ')
  const methods = method === 'ANY' ? ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] : [method]
  if (methods.some((one) => served.has(`${one} ${path}`))) return 'there'
  const row = findLeft(left, path)
  const isKnown = [...served].some((operation) => operation.endsWith(` ${path}`))
  if (row === undefined && isKnown) return 'out (405): the path is there for other methods'
  return row === undefined ? 'UNKNOWN' : `out (${row.status}): ${row.reason}`
}

function pathOf(call: string): string {
  return call.split(' ').toReversed().join(' ')
}

function familyOf(path: string): string {
  return path
    .split('/')
    .slice(1, path.startsWith('/api/public/') ? 3 : 2)
    .join('/')
}

/** Sources without their tests, type declarations and copies in another module format. */
function* sourcesBelow(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      if (!/^(?:\.git|node_modules|tests?|__pycache__|cli|sandbox(?:es)?|dist)$/.test(entry.name))
        yield* sourcesBelow(path)
    } else if (
      /\.(?:py|ts|js)$/.test(entry.name) &&
      !/\.d\.ts$|\.test\.|\.int\./.test(entry.name)
    ) {
      yield path
    }
  }
}

/** Finds texts that are paths, and the method that is named beside them; `ANY` when there is none. */
function* callsIn(source: string): Generator<string> {
  const literal = /(["'`])((?:\$?\{[^{}]*\}|[\w\-./])+)(?:\?[^"'`\n]*)?\1/g
  for (const { 2: text = '', index, 0: whole } of source.matchAll(literal)) {
    const path = barePath(text)
    if (path === null) continue
    const before = source.slice(Math.max(0, index - 120), index)
    // An example in a comment.
    if (/(?:^|\n)\s*(?:\*|\/\/|#|>>>)[^\n]*$/.test(before)) continue
    const after = source.slice(index + whole.length, index + whole.length + 400)
    const method = methodOf(before, after)
    if (method !== null) yield `${method} ${path}`
    // Without a method it may be no call at all, but a link or an example.
    else if (families.has(familyOf(path)) && verdictOf(`ANY ${path}`) !== 'UNKNOWN')
      yield `ANY ${path}`
  }
}

/** The path as our document has it; null when the text is none. */
function barePath(text: string): string | null {
  const path = text
    .replace(/^\$?\{[^{}]*\}(?=\/)/, '')
    .replace(/\$?\{[^{}]*\}/g, '{}')
    .replace(/^api\//, '/api/')
    .replace(/^(?!\/api\/public)\/api(?:\/v1)?(?=\/)/, '')
    .replace(/^\/v1(?=\/platform\/)/, '')
    .replace(/(?<=.)\/$/, '')
    // A query that is appended.
    .replace(/(?<=\w)\{\}$/, '')
  return /^\/[a-z][\w-]*(?:\/[\w.{}-]+)*$/.test(path) ? path : null
}

function methodOf(before: string, after: string): string | null {
  const verb =
    /\.?_?(get|post|put|patch|delete)(?:_api_list|APIList)?\(\s*(?:\(?[\w.,() ]*path\w*\)?\s*\(?\s*)?f?$/i
  const named = verb.exec(before) ?? /["'](GET|POST|PUT|PATCH|DELETE)["'],\s*f?$/.exec(before)
  // Lists are read by either method.
  if (/(?:api_?list|paginated\w*)\(\s*(?:\(?[\w.,() ]*path\w*\)?\s*\(?\s*)?f?$/i.test(before))
    return 'ANY'
  if (named !== null) return named[1]!.toUpperCase()
  const said = /^[^;]*?\bmethod\s*[:=]\s*["'](GET|POST|PUT|PATCH|DELETE)["']/.exec(after)
  return said?.[1] ?? null
}
