import { lazy } from 'preact/compat'
import type { ComponentType } from 'preact'

export interface Route {
  /** From the root; `:name` is a parameter, which the view gets as `params.name`. */
  path: string
  view: ComponentType<{ params: Record<string, string | undefined> }>
}

/**
 * The views. Each is a file of its own that is loaded when it is first shown: `export default` a component that takes
 * `{ params }`. What a view needs of the address' query it reads with `useSearchState` (url/search.ts).
 */
export const routes: readonly Route[] = [
  { path: '/app/datasets', view: lazy(async () => import('../views/datasets/datasets.tsx')) },
  {
    path: '/app/datasets/:dataset',
    view: lazy(async () => import('../views/datasets/experiments.tsx')),
  },
  { path: '/app/compare', view: lazy(async () => import('../views/comparison/comparison.tsx')) },
  {
    path: '/app/experiments/:experiment',
    view: lazy(async () => import('../views/experiment/experiment.tsx')),
  },
  { path: '/app/runs', view: lazy(async () => import('../views/runs/runs.tsx')) },
  { path: '/app/traces/:trace', view: lazy(async () => import('../views/traces/trace.tsx')) },
  { path: '/app/scores', view: lazy(async () => import('../views/scores/scores.tsx')) },
  { path: '/app/ingestion', view: lazy(async () => import('../views/ingestion/ingestion.tsx')) },
]

export interface Entry {
  label: string
  href: string
  /** Addresses that begin with one of these are below the entry. */
  below: readonly string[]
}

/** The navigation. An entry is shown once its route is there. */
export const entries: readonly Entry[] = [
  {
    label: 'Datasets',
    href: '/app/datasets',
    below: ['/app/datasets', '/app/compare', '/app/experiments'],
  },
  { label: 'Runs', href: '/app/runs', below: ['/app/runs', '/app/traces'] },
  { label: 'Scores', href: '/app/scores', below: ['/app/scores'] },
  { label: 'Ingestion', href: '/app/ingestion', below: ['/app/ingestion'] },
].filter(({ href }) => routes.some(({ path }) => path === href))
