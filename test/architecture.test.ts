import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  closureOf,
  contract,
  cyclesOf,
  filesUnder,
  readImportGraph,
  roomsOf,
} from './support/import-graph.ts'

const graph = readImportGraph(['src', 'workers'])

describe('imports, including those of types, form no cycle', () => {
  test('between files', () => {
    expect(graph.size).toBeGreaterThan(300)
    const unknown = [...graph.values()].flat().filter((file) => !graph.has(file))
    expect(unknown).toEqual([])
    expect(cyclesOf(graph)).toEqual([])
    expect(cyclesOf(readImportGraph(['web']))).toEqual([])
  })

  test.each(['src/http/langfuse', 'src/http/langsmith', 'src/store/read'])(
    'between the rooms of %s',
    (folder) => {
      const rooms = roomsOf(graph, folder)
      expect(rooms.size).toBeGreaterThan(1)
      expect(cyclesOf(rooms)).toEqual([])
    },
  )

  test('between the folders of src, and workers', () => {
    const folders = contract(
      graph,
      (file) => /^(?:src\/[^/]+(?=\/)|workers)/.exec(file)?.[0] ?? null,
    )
    expect([...folders.keys()]).toContain('src/domain')
    expect(cyclesOf(folders)).toEqual([])
  })
})

test('no folder holds more than 30 files', () => {
  const counts = new Map<string, number>()
  for (const file of [
    'src',
    'workers',
    'test',
    'bench',
    'chaos',
    'scripts',
    'migrations',
    'web',
  ].flatMap(filesUnder)) {
    counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1)
  }
  expect([...counts].filter(([, count]) => count > 30)).toEqual([])
})

test('no source file has more than 400 lines', () => {
  const sources = readImportGraph(['src', 'workers', 'bench', 'chaos', 'scripts', 'web'])
  const lengths = [...sources.keys()].map((file) => ({ file, lines: linesOf(file) }))
  expect(lengths.filter(({ lines }) => lines > 400)).toEqual([])
})

/** Everything that somebody has to read who wants to know all that one write involves. */
describe('from the route of a dataset run item to its row', () => {
  const ends = ['src/http/langfuse/datasets/post-dataset-run-items.ts', 'workers/ingest.ts']
  const closure = [...new Set(ends.flatMap((file) => closureOf(graph, file)))]
  const total = (files: string[]): number => files.reduce((sum, file) => sum + linesOf(file), 0)

  test('everything that is imported on the way adds up to at most 60 files and 6,000 lines', () => {
    expect(closure.length).toBeLessThanOrEqual(60)
    expect(total(closure)).toBeLessThanOrEqual(6000)
  })

  test('the way itself is seven files and at most 1,200 lines, and the README names them', () => {
    const section = /## How one write flows([\s\S]*?)\n## /.exec(
      readFileSync('README.md', 'utf8'),
    )![1]!
    const named = [...section.matchAll(/^\d\. \[[^\]]+\]\(([^)]+)\)/gm)].map((match) => match[1]!)
    expect(named).toHaveLength(7)
    expect(named.filter((file) => !closure.includes(file))).toEqual([])
    expect(total(named)).toBeLessThanOrEqual(1200)
  })
})

function linesOf(file: string): number {
  return readFileSync(file, 'utf8').trimEnd().split('\n').length
}
