import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const document = readFileSync('docs/errors.md', 'utf8')
const files = readdirSync('src/http', { encoding: 'utf8', recursive: true })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({ file, code: readFileSync(join('src/http', file), 'utf8') }))
const source = files.map(({ code }) => code).join('\n')

/** What is between backticks, and between two of them where it has some itself. */
const listed = new Set(
  [...document.matchAll(/`` (.+?) ``|`([^`]+)`/g)].map(([, twice, once]) => twice ?? once!),
)

/** Texts of a refusal as the document writes them: `…` for what differs. */
function shown(text: string): string {
  return text.replaceAll(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, '…').replaceAll('\\`', '`')
}

const text = String.raw`(?:'([^']*)'|"([^"]*)"|\x60((?:[^\x60\\]|\\.)*)\x60)`
const texts = String.raw`${text}(?:\s*\+\s*${text})*`
/** What makes a refusal, up to its sentence. */
const refusal =
  /(?:new (?:Langfuse|Langsmith|Runmill|Otlp)Error\(\s*([^,()]+),|(?<!function )\b(?:invalidRequest|conflict)\(|\brefuse\(\[[^\]]*\],)\s*/g

/** Sentences that are made elsewhere. */
const passedOn = new Set([
  // By whoever calls the function.
  'langfuse/errors.ts: message',
  // By what is given as `refuse`, whose calls are looked at.
  'langfuse/scores/score-configs.ts: rule',
  // In score-body.ts, and looked at below.
  'langfuse/ingest/score-to-event.ts: expected',
  // For each filter, as the parser finds it.
  'langsmith/schemas.ts: error.message',
  // A list of what is wrong with each field.
  'langsmith/errors.ts: [{ loc',
  'langsmith/payload-values.ts: details',
  'langsmith/examples/example-parts.ts: details',
  'langsmith/examples/example-schemas.ts: details',
  'langsmith/ingest/run-to-events.ts: details',
])

/** The sentence at a place of a file: a text, or a constant that is one, the last of its name before. null for anything else. */
function sentenceAt(code: string, place: number): string | null {
  const name = /^\w+(?=\s*[,)])/.exec(code.slice(place))?.[0]
  const definition = `const ${name} =`
  const before = code.lastIndexOf(definition, place)
  const at = before < 0 ? code.indexOf(definition) : before
  const written = name === undefined ? code.slice(place) : code.slice(at + definition.length)
  const found = new RegExp(`^\\s*${texts}(?!\\s*[+.?])`).exec(written)?.[0]
  if (found === undefined || (name !== undefined && at < 0)) return null
  const parts = [...found.matchAll(new RegExp(text, 'g'))]
  return shown(parts.map(([, ...ways]) => ways.find((each) => each !== undefined)).join(''))
}

test('docs/errors.md lists every sentence with which a dialect refuses a request', () => {
  const refusals = files.flatMap(({ file, code }) =>
    [...code.matchAll(refusal)].map(({ 0: head, 1: status, index }) => {
      const place = index + head.length
      const argument = `${file}: ${/^[^,)]*/.exec(code.slice(place))![0]}`
      return { status, argument, sentence: sentenceAt(code, place) }
    }),
  )
  const unread = refusals.filter(({ sentence }) => sentence === null)
  expect(new Set(unread.map(({ argument }) => argument))).toEqual(passedOn)

  const scoreRules = [...source.matchAll(/['`](A .+ score needs .+ as value)['`]/g)].map(
    ([, sentence]) => ({ status: '400', sentence: shown(sentence!) }),
  )
  expect(scoreRules.length).toBeGreaterThan(3)
  // Of these there are as many as there are things.
  const isKnown = (status: string | undefined, sentence: string) =>
    listed.has(sentence) || (status === '404' && /not found|^There is no |has no /.test(sentence))
  const unlisted = [...refusals, ...scoreRules].filter(
    ({ status, sentence }) => sentence !== null && !isKnown(status, sentence),
  )
  expect(unlisted).toEqual([])
  expect(refusals.length).toBeGreaterThan(130)
})

test('docs/errors.md lists every limit with its reason', () => {
  const limits = [
    ...(source + readFileSync('src/queue/process-backlog.ts', 'utf8')).matchAll(
      /(?:LimitError|\bfull)\(\s*'(\w+)',\s*'([^']+)'/g,
    ),
  ].map(([, reason, sentence]) => `| 429 | \`${sentence!}\` | \`${reason!}\` |`)
  expect(limits.length).toBeGreaterThan(4)
  expect(limits.filter((line) => !document.includes(line))).toEqual([])
})

test('docs/errors.md explains every status that is documented or answered', () => {
  const statuses = [
    ...source.matchAll(/\b(?:Error\(\s*|code\(|answerOf\()(4\d\d|5\d\d)\b/g),
    ...source.matchAll(/\bstatus(?:Code)? = (4\d\d|5\d\d)\b/g),
    ...source.matchAll(/^ {2,4}(4\d\d|5\d\d)[,:]/gm),
    ...source.matchAll(/status: (4\d\d|5\d\d)\b/g),
  ].map(([, status]) => status!)
  const [, table] = /## By status([\s\S]*?)\n## /.exec(document)!
  const explained = [...table!.matchAll(/^\| (\d{3}) \|/gm)].map(([, status]) => status!)
  expect(new Set(statuses).size).toBeGreaterThan(10)
  expect([...new Set(statuses)].filter((status) => !explained.includes(status))).toEqual([])
})
