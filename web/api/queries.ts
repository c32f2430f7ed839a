import { QueryClient } from '@tanstack/preact-query'
import { ApiError } from './client.ts'

/** What was read stays fresh for five seconds. Only what may pass is tried again. */
export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5000,
      retry: (count, error) =>
        count < 3 && error instanceof ApiError && [0, 429, 503].includes(error.status),
      retryDelay: (count) => Math.min(1000 * 2 ** count, 8000),
    },
  },
})
