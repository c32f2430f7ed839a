import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Each file, by its path from the repository's root, with the files of the repository that it imports. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>

/** Imports of types count: who reads a file has to read those too. */
const importForm = /\bfrom '(\.{1,2}\/[^']+\.tsx?)'|\bimport\(?\s*'(\.{1,2}\/[^']+\.tsx?)'/g

/** Reads every TypeScript file under the folders. @param folders from the repository's root, e.g. `src` */
export function readImportGraph(folders: readonly string[]): ImportGraph {
  return new Map(
    folders
      .flatMap((folder) => filesUnder(folder))
      .filter((file) => /\.tsx?$/.test(file))
      .map((file) => {
        const imports = [...readFileSync(file, 'utf8').matchAll(importForm)].map((match) =>
          join(dirname(file), (match[1] ?? match[2])!),
        )
        return [file, [...new Set(imports)]]
      }),
  )
}

/** All files under a folder, at any depth. */
export function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
}

/**
 * The graph of the folders directly inside `folder`: one imports another when any of its files does. Files that lie in
 * `folder` itself are left out: they are what the rooms share, or what puts them together.
 */
export function roomsOf(graph: ImportGraph, folder: string): ImportGraph {
  const roomOf = (file: string): string | null => {
    if (!file.startsWith(`${folder}/`)) return null
    const rest = file.slice(folder.length + 1)
    return rest.includes('/') ? rest.slice(0, rest.indexOf('/')) : null
  }
  return contract(graph, roomOf)
}

/** Merges the nodes of a graph by name; those without one are left out. */
export function contract(graph: ImportGraph, nameOf: (file: string) => string | null): ImportGraph {
  const contracted = new Map<string, string[]>()
  for (const [file, imports] of graph) {
    const name = nameOf(file)
    if (name === null) continue
    const targets = contracted.get(name) ?? []
    for (const target of imports.map(nameOf)) {
      if (target !== null && target !== name && !targets.includes(target)) targets.push(target)
    }
    contracted.set(name, targets)
  }
  return contracted
}

/** One cycle for each group of nodes that import each other, as `a > b > a`. Empty when there is none. */
export function cyclesOf(graph: ImportGraph): string[] {
  const done = new Set<string>()
  const path: string[] = []
  const found: string[] = []
  const visit = (node: string): void => {
    const at = path.indexOf(node)
    if (at !== -1) {
      found.push([...path.slice(at), node].join(' > '))
      return
    }
    if (done.has(node)) return
    path.push(node)
    for (const next of graph.get(node) ?? []) visit(next)
    path.pop()
    done.add(node)
  }
  for (const node of graph.keys()) visit(node)
  return found
}

/** The file and all that it imports, directly or by way of others. */
export function closureOf(graph: ImportGraph, file: string): string[] {
  const seen = new Set<string>([file])
  for (const each of seen) for (const next of graph.get(each) ?? []) seen.add(next)
  return [...seen].toSorted()
}
