/** Shown while something is read. It appears only when that takes a moment. */
export function Loading({ what = 'Loading' }: { what?: string }) {
  return (
    <p class="loading" role="status">
      {what} …
    </p>
  )
}
