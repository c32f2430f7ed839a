/* Reads and writes docs/supported.md: what is served of each vendor's API, and what is not. */
import type { Document } from './contract-shapes.ts'

/** What is not served of a vendor's API. */
export interface Left {
  /** A path, of which `*` stands for any rest. */
  path: string
  /** What the path is for, and why it is not served. */
  reason: string
  status: number
}

const begin = '<!-- served:'
const end = '<!-- /served -->'

/** The operations of our document, by vendor: `METHOD /path`, sorted by path. */
export function servedOperations(document: Document): Map<string, string[]> {
  const byVendor = new Map<string, string[]>([
    ['langfuse', []],
    ['langsmith', []],
  ])
  for (const [path, item] of Object.entries(document.paths).toSorted(byText)) {
    if (/^\/(?:api\/runmill|livez|readyz|metrics)(?:\/|$)/.test(path)) continue
    const vendor = /^\/(?:api\/public|v1\/traces)(?:\/|$)/.test(path) ? 'langfuse' : 'langsmith'
    for (const method of Object.keys(item)) {
      byVendor.get(vendor)!.push(`${method.toUpperCase()} ${path}`)
    }
  }
  return byVendor
}

function byText([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1
}

/** Puts the lists of what is served into the text, in place of those that are there. */
export function withServed(text: string, document: Document): string {
  let written = text
  for (const [vendor, operations] of servedOperations(document)) {
    const paths = new Map<string, string[]>()
    for (const operation of operations) {
      const [method = '', path = ''] = operation.split(' ')
      paths.set(path, [...(paths.get(path) ?? []), method])
    }
    const rows = [...paths].map(([path, methods]) => `| \`${path}\` | ${methods.join(', ')} |`)
    const table = ['| Path | Methods |', '|---|---|', ...rows].join('\n')
    const section = new RegExp(`(${begin} ${vendor} -->\\n)[^]*?${end}`)
    if (!section.test(written))
      throw new Error(`The document has no list of what is served of ${vendor}.`)
    written = written.replace(section, (_, head: string) => `${head}${table}\n${end}`)
  }
  return written
}

/** The tables of what is not served. */
export function readLeft(text: string): Left[] {
  const row = /^\| `(\/[^`]*)` \| (.+) \| (\d{3}) \|$/gm
  return [...text.matchAll(row)].map(([, path = '', reason = '', status]) => ({
    path,
    reason,
    status: Number(status),
  }))
}

/** Returns the row of a path. @param path with `{}` for each parameter */
export function findLeft(left: readonly Left[], path: string): Left | undefined {
  const bare = nameless(path)
  return left.find((row) => {
    const pattern = nameless(row.path).replace(/[.+?^$()|[\]\\{}]/g, '\\$&')
    return new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(bare)
  })
}

/** The path without the names of its parameters. */
export function nameless(path: string): string {
  return path.replace(/\{[^}]*\}/g, '{}')
}
