import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const document = readFileSync('docs/errors.md', 'utf8')
const source = readdirSync('src/http', { encoding: 'utf8', recursive: true })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => readFileSync(join('src/http', file), 'utf8'))
  .join('\n')

/** What is between backticks, and between two of them where it has some itself. */
const listed = new Set(
  [...document.matchAll(/`` (.+?) ``|`([^`]+)`/g)].map(([, twice, once]) => twice ?? once!),
)

/** Texts of a refusal as the document writes them: `…` for what differs. */
function shown(text: string): string {
  return text.replaceAll(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, '…').replaceAll('\\`', '`')
}

const text = String.raw`(?:'([^']*)'|"([^"]*)"|\x60((?:[^\x60\\]|\\.)*)\x60)`

test('docs/errors.md lists every sentence with which a dialect refuses a request', () => {
  const refusals = [
    ...source.matchAll(
      new RegExp(
        String.raw`(?:new (?:Langfuse|Langsmith|Runmill|Otlp)Error\(\s*(\d{3}),|\b(?:invalidRequest|conflict)\()\s*${text}`,
        'g',
      ),
    ),
  ].map(([, status, ...texts]) => ({
    status,
    sentence: shown(texts.find((each) => each !== undefined)!),
  }))
  expect(refusals.length).toBeGreaterThan(80)
  // Of these there are as many as there are things.
  const isKnown = ({ status, sentence }: (typeof refusals)[number]) =>
    listed.has(sentence) || (status === '404' && /not found|^There is no |has no /.test(sentence))
  expect(refusals.filter((refusal) => !isKnown(refusal))).toEqual([])
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
