import { versionOf, type FrameworkFacts } from './facts.ts'

/** Writes the table of docs/frameworks.md. */
export function tableOf(frameworks: FrameworkFacts[]): string {
  const head = [
    'Framework',
    'Language',
    'Version',
    'Types',
    'Model',
    'Tokens',
    'Cost',
    'Input',
    'Output',
    'Session',
    'User',
    'Tags',
    'Errors',
    'Set-up',
  ]
  const rows = frameworks.map(rowOf)
  return [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}

function rowOf(facts: FrameworkFacts): string[] {
  const { framework, language, version } = versionOf(facts)
  const { observations, trace, tool, firstCall, lastCall } = facts
  const types = [...observations.matchAll(/^ *([A-Z]+) ·/gm)].map(([, type]) => type!)
  const has = (pattern: RegExp): string => mark(pattern.test(observations))
  const tokens = [
    ...(/\d[cw]?>\d/.test(observations) ? ['input', 'output'] : []),
    ...(/\dc>/.test(observations) ? ['cached'] : []),
    ...(/\dr=/.test(observations) ? ['reasoning'] : []),
  ]
  const shown = (index: 0 | 1): string =>
    list([
      ...(trace[index] === null ? [] : ['trace']),
      ...((lastCall ?? firstCall)[index] === null ? [] : ['model']),
      ...(tool === undefined || tool[index] === null ? [] : ['tool']),
    ])
  return [
    framework,
    language,
    version,
    list([...new Set(types)].map((type) => type.toLowerCase())),
    has(/GENERATION · [^·]+ · (?:gpt|claude|gemini)/),
    list(tokens),
    costOf(observations),
    shown(0),
    shown(1),
    mark(facts.session, facts.bare),
    mark(facts.user, facts.bare),
    mark(facts.tags),
    has(/ · ! /),
    facts.setUp,
  ]
}

function mark(isThere: boolean | undefined, bare?: number[]): string {
  if (!isThere) return '-'
  return bare === undefined ? 'yes' : 'some traces'
}

function costOf(observations: string): string {
  const calls = observations.split('\n').filter((line) => !line.includes(' · ! '))
  const has = (pattern: RegExp): boolean => calls.some((line) => pattern.test(line))
  if (has(/ · \$0$/)) return 'sent as 0'
  if (has(/ · \$/)) return 'sent'
  return has(/ · computed \$/) ? 'computed' : '-'
}

function list(words: string[]): string {
  return words.length === 0 ? '-' : words.join(', ')
}
