import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { filesUnder } from './support/import-graph.ts'

/*
 * Comments cite the sections of four documents: `contracts/langsmith.md 2.3, 2.4.1`, `architecture.md 4.2`, `SPEC I7`.
 * Every reader must be able to find what is cited.
 */

interface Citation {
  file: string
  document: string
  section: string
}

const documents: Readonly<Record<string, string>> = {
  'contracts/langfuse.md': 'docs/contracts/langfuse.md',
  'contracts/langsmith.md': 'docs/contracts/langsmith.md',
  'architecture.md': 'docs/architecture.md',
  SPEC: 'src/domain/SPEC.md',
}

const texts = ['src', 'workers', 'test', 'bench', 'chaos', 'scripts', 'migrations']
  .flatMap(filesUnder)
  .filter((file) => /\.(?:ts|mjs|sql|py)$/.test(file) && file !== 'test/citations.test.ts')
  // A comment may break its line in the middle of a citation.
  .map((file) => ({
    file,
    text: readFileSync(file, 'utf8').replaceAll(/\n\s*(?:\*|\/\/|--|#) ?/g, ' '),
  }))

const citations = texts.flatMap(({ file, text }) =>
  [
    ...text.matchAll(
      /(contracts\/\w+\.md|architecture\.md) (\d[\d.]*(?:(?:, | and |; )\d+\.\d[\d.]*)*)/g,
    ),
    ...text.matchAll(/\b(SPEC) (I\d+(?:(?:, | and )I\d+)*)/g),
  ].flatMap(([, document, sections]) =>
    sections!
      .split(/, | and |; /)
      .map((each): Citation => ({ file, document: document!, section: each.replace(/\.$/, '') })),
  ),
)

/** The numbers with which the headings of a document begin: `## 2. Shape`, `### 2.1 Layout`, `## I7 Backpressure`. */
function sectionsOf(path: string): Set<string> {
  if (!existsSync(path)) return new Set()
  const headings = readFileSync(path, 'utf8').matchAll(/^#+ (I?\d+(?:\.\d+)*)\.? /gm)
  return new Set([...headings].map((match) => match[1]!))
}

test.each(Object.entries(documents))(
  'every section of %s that is cited exists',
  (document, path) => {
    const cited = citations.filter((citation) => citation.document === document)
    expect(cited.length).toBeGreaterThan(5)
    const sections = sectionsOf(path)
    const missing = cited.filter(({ section }) => !sections.has(section))
    expect(missing.map(({ file, section }) => `${section} in ${file}`)).toEqual([])
  },
)

test('nothing else is cited: a comment stands alone, or names a section that exists', () => {
  const unknown = citations.filter(({ document }) => !Object.hasOwn(documents, document))
  expect(unknown).toEqual([])
  const forms = [
    /\bDESIGN\b/,
    /\bSTYLE\b/,
    /\boddit(?:y|ies) \d+/i,
    /\brules? \d+/i,
    /\bSources? \d+/,
  ]
  const found = texts.flatMap(({ file, text }) =>
    forms.flatMap((form) => (form.test(text) ? [`${form.exec(text)![0]} in ${file}`] : [])),
  )
  expect(found).toEqual([])
})
