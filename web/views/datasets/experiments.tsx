import { useMemo } from 'preact/hooks'
import { useLocation } from 'wouter-preact'
import type { ExperimentsAnswer, ExperimentSummary } from '../../api/answers.ts'
import { query } from '../../api/client.ts'
import { Empty, Snippet } from '../../parts/empty.tsx'
import { Loading } from '../../parts/loading.tsx'
import { MoreButton } from '../../parts/more-button.tsx'
import { usePages } from '../../parts/pages.ts'
import { Problem } from '../../parts/problem.tsx'
import { Head } from '../../shell/head.tsx'
import { compareUrl, datasetsUrl } from '../../url/addresses.ts'
import { useSearchState } from '../../url/search.ts'
import { ExperimentTable, isLive } from './experiment-table.tsx'

/** How often a list is read again while one of its experiments runs, in milliseconds. */
const liveMs = 3000

/** The experiments on a dataset, newest first, and what to compare of them. */
export default function Experiments({ params }: { params: { dataset?: string } }) {
  const dataset = params.dataset ?? ''
  const pages = usePages<ExperimentsAnswer>(
    ['experiments', dataset],
    (cursor) =>
      `/api/runmill/datasets/${encodeURIComponent(dataset)}/experiments${query({ cursor, limit: 25 })}`,
    (read) =>
      read.some(({ experiments, now }) => experiments.some((each) => isLive(each, now)))
        ? liveMs
        : false,
  )
  const [parameters, update] = useSearchState()
  const chosen = parameters.getAll('chosen')
  const [, navigate] = useLocation()
  const experiments = useMemo(
    () => pages.data?.pages.flatMap((page) => page.experiments) ?? [],
    [pages.data],
  )
  const first = pages.data?.pages[0]
  const compared = comparisonOf(chosen, experiments)

  return (
    <>
      <Head
        title={first?.dataset.name ?? 'Experiments'}
        crumbs={[{ label: 'Datasets', href: datasetsUrl() }]}
      >
        {experiments.length > 0 && (
          <>
            <span class="soft" aria-live="polite">
              {compared.sentence}
            </span>
            <button
              type="button"
              class="primary"
              disabled={compared.url === null}
              onClick={() => compared.url !== null && navigate(compared.url)}
            >
              Compare
            </button>
          </>
        )}
      </Head>
      {pages.isPending && <Loading />}
      {pages.isError && <Problem error={pages.error} again={() => void pages.refetch()} />}
      {first !== undefined && experiments.length === 0 && (
        <NoExperiments name={first.dataset.name} />
      )}
      {first !== undefined && experiments.length > 0 && (
        <ExperimentTable
          experiments={experiments}
          now={first.now}
          chosen={chosen}
          choose={(id, isChosen) =>
            update((next) => {
              next.delete('chosen', id)
              if (isChosen) next.append('chosen', id)
            })
          }
          hasOlder={pages.hasNextPage}
        />
      )}
      <MoreButton
        hasMore={pages.hasNextPage}
        isBusy={pages.isFetchingNextPage}
        more={() => void pages.fetchNextPage()}
      />
    </>
  )
}

/** The oldest of the chosen experiments is the baseline. One alone is compared with the one before it. */
function comparisonOf(
  chosen: readonly string[],
  experiments: readonly ExperimentSummary[],
): { url: string | null; sentence: string } {
  const [newest, ...others] = experiments.filter(({ id }) => chosen.includes(id))
  if (newest === undefined) return { url: null, sentence: 'Choose experiments to compare' }
  const baseline = others.at(-1)
  if (baseline === undefined) {
    return { url: compareUrl([newest.id]), sentence: 'With the experiment before it' }
  }
  const candidates = [newest, ...others.slice(0, -1)].map(({ id }) => id)
  return { url: compareUrl(candidates, baseline.id), sentence: `With ${baseline.name}` }
}

function NoExperiments({ name }: { name: string }) {
  return (
    <Empty title="No experiment has run on this dataset">
      <p>Run one with the SDK that you use. It appears here while it runs.</p>
      <Snippet>{`# LangSmith
evaluate(target, data=${JSON.stringify(name)}, evaluators=[…])

# Langfuse
langfuse.get_dataset(${JSON.stringify(name)}).run_experiment(name="…", task=…)`}</Snippet>
    </Empty>
  )
}
