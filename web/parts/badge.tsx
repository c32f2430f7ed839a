import type { ComponentChildren } from 'preact'

export type Tone = 'good' | 'bad' | 'warn' | 'live' | 'noted' | 'plain'

/** A word on a coloured ground. The word alone says what it means. */
export function Badge({ tone = 'plain', children }: { tone?: Tone; children: ComponentChildren }) {
  return <span class={`badge badge-${tone}`}>{children}</span>
}
