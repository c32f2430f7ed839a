import { useInfiniteQuery } from '@tanstack/preact-query'
import { request } from '../api/client.ts'

/**
 * Reads a list page by page, by the cursor of the page before.
 * @param path of a page, without its cursor
 */
export function usePages<Page extends { next_cursor: string | null }>(
  key: readonly unknown[],
  path: (cursor: string | null) => string,
  refetchInterval: (pages: readonly Page[]) => number | false = () => false,
) {
  return useInfiniteQuery({
    queryKey: key,
    queryFn: async ({ pageParam, signal }) => request<Page>(path(pageParam), { signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (page: Page) => page.next_cursor,
    refetchInterval: ({ state }) => refetchInterval(state.data?.pages ?? []),
  })
}
