import { ago, exactTime } from './format.ts'

/** How long ago something was. The exact time is its title. */
export function Time({ at }: { at: string }) {
  return (
    <time dateTime={at} title={exactTime(at)}>
      {ago(at)}
    </time>
  )
}
