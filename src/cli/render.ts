import type { Comparison, Measure, Row } from './comparison.ts'
import type { GateVerdict } from './gate-rules.ts'

/** By which a comment of the gate is found again, to be replaced. */
const marker = '<!-- runmill-gate -->'

/** A comparison for a terminal. */
export function comparisonText({ baseline, comparisons }: Comparison): string {
  return comparisons
    .map(({ candidate, measures, validity }) =>
      [
        `${candidate.name} against ${baseline.name} (${candidate.dataset_name})`,
        ...measures.map(({ summary }) => `  ${summary}`),
        ...validity.warnings.map((warning) => `  note: ${warning}`),
      ].join('\n'),
    )
    .join('\n')
}

export function gateText(verdict: GateVerdict): string {
  const { candidate, baseline, measures, validity } = verdict
  return [
    `${headline(verdict)}: ${candidate.name} against ${baseline.name} (${candidate.dataset_name})`,
    ...verdict.reasons.map((reason) => `  ${reason}`),
    ...measures.map(({ summary }) => `  ${summary}`),
    ...validity.warnings.map((warning) => `  note: ${warning}`),
    ...(verdict.family.length > 1 ? [`  p corrected over ${verdict.family.join(', ')}`] : []),
    ...verdict.regressed.flatMap(({ key, rows }) =>
      rows.map((row) => `  worse in ${key}: ${row.example_id} ${valuesOf(row, key)}`),
    ),
  ].join('\n')
}

/** The body of a comment, or of a job's summary. */
export function gateMarkdown(verdict: GateVerdict): string {
  const { baseline, candidate, validity } = verdict
  const lines = [
    marker,
    `**${headline(verdict)}**: ${cell(candidate.name)} against ${cell(baseline.name)}`,
    '',
    ...verdict.reasons.map((reason) => `- ${cell(reason)}`),
    ...(verdict.reasons.length > 0 ? [''] : []),
    '| Measure | Baseline | Candidate | Δ | 95 % | p | Better / worse / equal | Verdict |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...verdict.measures.map(measureRow),
    '',
    ...verdict.regressed.flatMap(({ key, rows }) =>
      rows.length === 0
        ? []
        : [
            `Worst in ${cell(key)}:`,
            ...rows.map((row) => `- \`${row.example_id}\` ${valuesOf(row, key)}`),
            '',
          ],
    ),
    `${validity.both} examples in both; baseline of ${baseline.created_at.slice(0, 10)}.`,
    ...validity.warnings.map((warning) => `- ${cell(warning)}`),
  ]
  return `${lines.join('\n')}\n`
}

function measureRow(measure: Measure): string {
  const { key, baseline_mean: a, candidate_mean: b, delta, interval, p_holm: holm, p } = measure
  const counts = `${measure.better} / ${measure.worse} / ${measure.equal}`
  const range = interval === null ? '–' : `${number(interval[0])} … ${number(interval[1])}`
  const cells = [cell(key), number(a), number(b), number(delta), range, number(holm ?? p), counts]
  return `| ${cells.join(' | ')} | ${measure.verdict} |`
}

/** JUnit's XML, with a case for each measure and one for what is not about a measure. */
export function gateJunit(verdict: GateVerdict): string {
  const general = verdict.reasons.filter(
    (reason) => !verdict.measures.some(({ key }) => reason.includes(key)),
  )
  const cases = [
    caseOf('comparison', general),
    ...verdict.measures.map(({ key, summary }) =>
      caseOf(
        key,
        verdict.reasons.filter((reason) => reason.includes(key)),
        summary,
      ),
    ),
  ]
  const failed = cases.filter((each) => each.includes('<failure')).length
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuite name="runmill gate" tests="${cases.length}" failures="${failed}">`,
    ...cases,
    '</testsuite>\n',
  ].join('\n')
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
  return text.replaceAll(/[\\|`*_{}[\]<>()#!~]/g, String.raw`\$&`).replaceAll(/\s+/g, ' ')
}

function escaped(text: string): string {
  const names: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return text
    .replaceAll(/[&<>"]/g, (character) => names[character]!)
    .replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD]/g, '\uFFFD')
}
