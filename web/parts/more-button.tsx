/** Reads the next page of a list, where there is one. */
export function MoreButton({
  hasMore,
  isBusy,
  more,
}: {
  hasMore: boolean
  isBusy: boolean
  more: () => void
}) {
  if (!hasMore) return null
  return (
    <p class="more">
      <button type="button" onClick={more} disabled={isBusy}>
        {isBusy ? 'Loading …' : 'Show more'}
      </button>
    </p>
  )
}
