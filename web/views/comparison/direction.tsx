import { useQueryClient } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import type { Direction as Way, Measure } from '../../api/answers.ts'
import { request } from '../../api/client.ts'

const signs: Record<Way, string> = { higher: '↑', lower: '↓' }

const sources: Record<Measure['direction_source'], string> = {
  request: 'Asked for',
  stored: 'Somebody has said so, for all comparisons',
  config: 'The config of the score says so',
  measure: 'It always is',
  assumed: 'Nobody has said so',
}

/** Which way of a score is better, as a sign. @param change asks for another one */
export function DirectionMark({
  measure: { key, direction, direction_source },
  change,
}: {
  measure: Measure
  change: () => void
}) {
  return (
    <button
      type="button"
      class="quiet direction"
      title={`${direction} is better. ${sources[direction_source]}. Press to change it.`}
      onClick={change}
    >
      {signs[direction]}
      <span class="unseen">
        {' '}
        {direction} is better in {key}: change
      </span>
    </button>
  )
}

/** Asks which way of a score is better. The answer is kept, for everybody. */
export function DirectionChoice({
  measure: { key, direction, direction_source },
  done,
}: {
  measure: Measure
  done: () => void
}) {
  const held = useQueryClient()
  const [isBusy, setBusy] = useState(false)
  const [problem, setProblem] = useState<string | null>(null)
  const isUnknown = direction_source === 'assumed'
  const say = async (way: Way) => {
    setBusy(true)
    setProblem(null)
    try {
      await request('/api/runmill/score-directions', {
        method: 'PUT',
        body: { key, direction: way },
      })
      await held.invalidateQueries({ queryKey: ['compare'] })
      done()
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
    } finally {
      setBusy(false)
    }
  }
  return (
    <span
      class={isUnknown ? 'direction-choice direction-asked' : 'direction-choice'}
      role="group"
      aria-label={`Which way of ${key} is better`}
    >
      Which way is better?
      {(['higher', 'lower'] as const).map((way) => (
        <button
          key={way}
          type="button"
          disabled={isBusy}
          aria-pressed={isUnknown ? undefined : way === direction}
          onClick={() => void say(way)}
        >
          {signs[way]} {way}
        </button>
      ))}
      {problem !== null && (
        <span class="tone-bad" role="alert">
          {problem}
        </span>
      )}
    </span>
  )
}
