import { useLocation, useSearch } from 'wouter-preact'
import { useCallback, useMemo } from 'preact/hooks'

/**
 * The parameters of the address, where all state of a view is that somebody may want to send to others. A change
 * replaces the entry of the history, unless `push` is asked for.
 */
export function useSearchState(): [
  URLSearchParams,
  (change: (parameters: URLSearchParams) => void, options?: { push?: boolean }) => void,
] {
  const search = useSearch()
  const [path, navigate] = useLocation()
  const parameters = useMemo(() => new URLSearchParams(search), [search])
  const update = useCallback(
    (change: (parameters: URLSearchParams) => void, { push = false } = {}) => {
      // What other changes since the last render have set stays.
      const next = new URLSearchParams(location.search)
      change(next)
      const text = next.toString()
      navigate(text === '' ? path : `${path}?${text}`, { replace: !push })
    },
    [navigate, path],
  )
  return [parameters, update]
}

/** Sets a parameter, or removes it when it is null or its default. */
export function put(
  parameters: URLSearchParams,
  name: string,
  value: string | null,
  fallback?: string,
): void {
  if (value === null || value === '' || value === fallback) parameters.delete(name)
  else parameters.set(name, value)
}
