import type { Comparison, Measure, Row } from './comparison.ts'
import type { GateVerdict, Reason } from './gate-rules.ts'

/** By which a comment of the gate is found again, to be replaced. */
const marker = '<!-- runmill-gate -->'

/** Text of a client without what a terminal, or the log of a CI job, would take for a command. */
export function plain(text: string): string {
  return text.replaceAll(/(?!\n)\p{Cc}/gu, ' ').replaceAll(/\n(?=\s*::)/g, ' ')
}

/** A comparison for a terminal. */
export function comparisonText({ baseline, comparisons }: Comparison): string {
  return comparisons
    .map(({ candidate, measures, categories, validity }) =>
      [
        `${candidate.name} against ${baseline.name} (${candidate.dataset_name})`,
        ...[...measures, ...categories].map(({ summary }) => `  ${summary}`),
        ...[...validity.warnings, ...directionNotes(measures)].map((note) => `  note: ${note}`),
      ]
        .map(oneLine)
        .join('\n'),
    )
    .join('\n')
}

/** What has to be said of scores of which nobody has said which way is better, or this command alone. */
function directionNotes(measures: readonly Measure[]): string[] {
  const keysBy = (source: Measure['direction_source']): string =>
    measures
      .filter((measure) => measure.direction_source === source)
      .map(({ key }) => key)
      .join(', ')
  const [assumed, asked] = [keysBy('assumed'), keysBy('request')]
  return [
    assumed === ''
      ? ''
      : `higher is taken for better in ${assumed}, of which nobody has said: say it once on the page, or by --direction KEY=higher|lower`,
    asked === ''
      ? ''
      : `which way ${asked} is better was said for this comparison alone: the page goes by what is stored`,
  ].filter((note) => note !== '')
}

/** A name may have several lines, of which one may look like ours. */
function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, ' ')
}

export function gateText(verdict: GateVerdict): string {
  const { candidate, baseline, measures, validity } = verdict
  return [
    `${headline(verdict)}: ${candidate.name} against ${baseline.name} (${candidate.dataset_name})`,
    ...verdict.reasons.map((reason) => `  ${said(reason)}`),
    ...measures.map(({ summary }) => `  ${summary}`),
    ...[...validity.warnings, ...directionNotes(measures)].map((note) => `  note: ${note}`),
    `  baseline of ${baseline.created_at.slice(0, 10)}, ${daysOf(verdict)}`,
    ...correctionOf(verdict, verdict.family).map((line) => `  ${line}`),
    ...verdict.regressed.flatMap(({ key, rows }) =>
      rows.map((row) => `  worse in ${key}: ${row.example_id} ${valuesOf(row, key)}`),
    ),
    `  ${verdict.url}`,
  ]
    .map(oneLine)
    .join('\n')
}

/** The body of a comment, or of a job's summary. */
export function gateMarkdown(verdict: GateVerdict): string {
  const { baseline, candidate, validity } = verdict
  const lines = [
    marker,
    `**${headline(verdict)}**: ${cell(candidate.name)} against ${cell(baseline.name)}`,
    '',
    ...verdict.reasons.map((reason) => `- ${cell(said(reason))}`),
    ...(verdict.reasons.length > 0 ? [''] : []),
    '| Measure | Baseline | Candidate | Δ | Interval | p (Holm) | Better / worse / equal | Verdict |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...verdict.measures.map(measureRow),
    '',
    ...verdict.regressed.flatMap(({ key, rows }) =>
      rows.length === 0
        ? []
        : [
            `Worst in ${cell(key)}:`,
            ...rows.map((row) => `- [\`${row.example_id}\`](${row.url}) ${valuesOf(row, key)}`),
            '',
          ],
    ),
    `[${validity.both} examples in both](${verdict.url}); baseline of ${baseline.created_at.slice(0, 10)}, ${daysOf(verdict)}${correctionOf(
      verdict,
      verdict.family.map(cell),
    )
      .map((line) => `; ${line}`)
      .join('')}.`,
    ...[...validity.warnings, ...directionNotes(verdict.measures)].map((note) => `- ${cell(note)}`),
  ]
  return `${lines.join('\n')}\n`
}

/** What several scores mean for what is said of each. */
function correctionOf(
  { measures, is_family_wise: isFamilyWise }: GateVerdict,
  family: readonly string[],
): string[] {
  if (measures.length < 2) return []
  return [
    isFamilyWise
      ? `verdicts by intervals of 95 % over all ${measures.length} scores together`
      : `verdicts by an interval of 95 % for each of ${measures.length} scores, not corrected: --family corrects them`,
    ...(family.length > 1 ? [`p corrected over ${family.join(', ')}`] : []),
  ]
}

function daysOf({ baseline_age: days }: GateVerdict): string {
  return days === 1 ? '1 day old' : `${days} days old`
}

function measureRow(measure: Measure): string {
  const { key, baseline_mean: a, candidate_mean: b, delta, interval, p_holm: holm, p } = measure
  const counts = `${measure.better} / ${measure.worse} / ${measure.equal}`
  const range = interval === null ? '–' : `${number(interval[0])} … ${number(interval[1])}`
  const cells = [cell(key), number(a), number(b), number(delta), range, number(holm ?? p), counts]
  return `| ${cells.join(' | ')} | ${measure.verdict} |`
}

/** What takes the place of a verdict that could not be reached. */
export function failureMarkdown(message: string): string {
  return `${marker}\n**Cannot judge**: ${cell(message)}\n`
}

export function failureJunit(message: string): string {
  return junit([caseOf('comparison', [message])])
}

/** JUnit's XML, with a case for each measure and one for the whole comparison. */
export function gateJunit({ reasons, measures }: GateVerdict): string {
  const about = (key: string | null): string[] =>
    reasons.filter((reason) => reason.key === key).map(({ message }) => message)
  const known = new Set(measures.map(({ key }) => key))
  const absent = reasons.filter(({ key }) => key !== null && !known.has(key)).map(said)
  return junit([
    caseOf('comparison', [...about(null), ...absent]),
    ...measures.map(({ key, summary }) => caseOf(key, about(key), summary)),
  ])
}

function junit(cases: readonly string[]): string {
  const failed = cases.filter((each) => each.includes('<failure')).length
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuite name="runmill gate" tests="${cases.length}" failures="${failed}">`,
    ...cases,
    '</testsuite>\n',
  ].join('\n')
}

function said({ key, message }: Reason): string {
  return key === null ? message : `${key}: ${message}`
}

function caseOf(name: string, reasons: readonly string[], output = ''): string {
  const failure =
    reasons.length === 0 ? '' : `<failure message="${escaped(reasons.join('; '))}"></failure>`
  const said = output === '' ? '' : `<system-out>${escaped(output)}</system-out>`
  return `  <testcase classname="runmill" name="${escaped(name)}">${failure}${said}</testcase>`
}

function headline({ outcome }: GateVerdict): string {
  return { pass: 'Pass', fail: 'Fail', 'cannot judge': 'Cannot judge' }[outcome]
}

/** What both sides have of a measure. */
export function valuesOf(row: Row, key: string): string {
  const { a = null, b = null } = row.measures[key] ?? {}
  return `${number(a)} → ${number(b)}`
}

function number(value: number | null): string {
  return value === null ? '–' : String(Number(value.toPrecision(3)))
}

/** Text in a table of Markdown: nothing of it may be markup. */
function cell(text: string): string {
  return (
    text
      .replaceAll(/[\s\p{Cc}]+/gu, ' ')
      .replaceAll(/[\\|`*_{}[\]<>()#!~$]/g, String.raw`\$&`)
      // Nobody is notified, and nothing becomes a link.
      .replaceAll(/@|:\/\//g, '$&\u200B')
  )
}

function escaped(text: string): string {
  const names: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return text
    .replaceAll(/[&<>"]/g, (character) => names[character]!)
    .replaceAll(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
}
