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

/**
 * Which way of a score is better. Where nobody has said, it is asked for, and kept for everybody; what was said can be
 * changed.
 */
export function Direction({ measure: { key, direction, direction_source } }: { measure: Measure }) {
  const held = useQueryClient()
  const [isOpen, setOpen] = useState(false)
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
      setOpen(false)
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
    } finally {
      setBusy(false)
    }
  }
  if (!isUnknown && !isOpen) {
    return (
      <button
        type="button"
        class="quiet direction"
        title={`${sources[direction_source]}. Press to change it.`}
        onClick={() => setOpen(true)}
      >
        {signs[direction]} {direction} is better<span class="unseen"> in {key}: change</span>
      </button>
    )
  }
  return (
    <span
      class={isUnknown ? 'direction-choice direction-asked' : 'direction-choice'}
      role="group"
      aria-label={`Which way of ${key} is better`}
    >
      {isUnknown ? 'Which way is better?' : 'Better is'}
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
