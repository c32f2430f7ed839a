import { diffLines, diffWordsWithSpace } from 'diff'
import { useMemo } from 'preact/hooks'
import type { Json } from '../../api/answers.ts'
import { textOf } from './field.tsx'

/** Longer texts are compared line by line: word by word takes time with the square of the length. */
const byWords = 8000

/** One text with what was removed and what was added in it, marked by sign and word too. */
export default function Difference({ before, after }: { before: Json; after: Json }) {
  const parts = useMemo(() => {
    const [a, b] = [textOf(before), textOf(after)]
    if (a === b) return null
    return a.length + b.length > byWords ? diffLines(a, b) : diffWordsWithSpace(a, b)
  }, [before, after])
  if (parts === null) return <p class="nothing">Both outputs are the same.</p>
  return (
    <pre class="text difference" tabIndex={0} role="group" aria-label="Difference of the outputs">
      {parts.map(({ value, added, removed }, index) =>
        added ? (
          <ins key={index}>{value}</ins>
        ) : removed ? (
          <del key={index}>{value}</del>
        ) : (
          <span key={index}>{value}</span>
        ),
      )}
    </pre>
  )
}
