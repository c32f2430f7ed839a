import { Link } from 'wouter-preact'
import { useState } from 'preact/hooks'
import { query } from '../../api/client.ts'
import type { DatasetsAnswer } from '../../api/answers.ts'
import { Empty, Snippet } from '../../parts/empty.tsx'
import { count } from '../../parts/format.ts'
import { Loading } from '../../parts/loading.tsx'
import { MoreButton } from '../../parts/more-button.tsx'
import { usePages } from '../../parts/pages.ts'
import { Problem } from '../../parts/problem.tsx'
import { Time } from '../../parts/time.tsx'
import { Head } from '../../shell/head.tsx'
import { datasetUrl } from '../../url/addresses.ts'
import { put, useSearchState } from '../../url/search.ts'

/** All datasets, those with the newest experiments first. */
export default function Datasets() {
  const [parameters, update] = useSearchState()
  const name = parameters.get('name') ?? ''
  const [typed, setTyped] = useState(name)
  const pages = usePages<DatasetsAnswer>(
    ['datasets', name],
    (cursor) => `/api/runmill/datasets${query({ name, cursor, limit: 50 })}`,
  )
  const datasets = pages.data?.pages.flatMap((page) => page.datasets) ?? []
  return (
    <>
      <Head title="Datasets">
        <input
          type="search"
          aria-label="Part of a dataset’s name"
          placeholder="Find a dataset"
          value={typed}
          onInput={(event) => {
            const { value } = event.currentTarget
            setTyped(value)
            update((next) => put(next, 'name', value))
          }}
        />
      </Head>
      {pages.isPending && <Loading />}
      {pages.isError && <Problem error={pages.error} again={() => void pages.refetch()} />}
      {pages.isSuccess &&
        datasets.length === 0 &&
        (name === '' ? <NoDatasets /> : <NoneOf name={name} />)}
      {datasets.length > 0 && (
        <div class="table-frame">
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col" class="number">
                  Examples
                </th>
                <th scope="col" class="number">
                  Experiments
                </th>
                <th scope="col">Last experiment</th>
                <th scope="col">Made</th>
              </tr>
            </thead>
            <tbody>
              {datasets.map((dataset) => (
                <tr key={dataset.id}>
                  <th scope="row">
                    <Link href={datasetUrl(dataset.id)}>{dataset.name}</Link>
                    {dataset.description !== null && dataset.description !== '' && (
                      <span class="note cut">{dataset.description}</span>
                    )}
                  </th>
                  <td class="number">{count(dataset.examples)}</td>
                  <td class="number">{count(dataset.experiments)}</td>
                  <td>
                    {dataset.last_experiment_at === null ? (
                      <span class="faint">none yet</span>
                    ) : (
                      <Time at={dataset.last_experiment_at} />
                    )}
                  </td>
                  <td class="soft">
                    <Time at={dataset.created_at} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <MoreButton
        hasMore={pages.hasNextPage}
        isBusy={pages.isFetchingNextPage}
        more={() => void pages.fetchNextPage()}
      />
    </>
  )
}

function NoneOf({ name }: { name: string }) {
  return (
    <Empty title={`No dataset has “${name}” in its name`}>
      <p>Clear the field to see all of them.</p>
    </Empty>
  )
}

function NoDatasets() {
  return (
    <Empty title="There is no dataset yet">
      <p>
        Point your SDK at this server and make one: with Langfuse’s <code>create_dataset</code> or
        LangSmith’s <code>create_dataset</code>, then run an experiment on it. From a checkout of
        Runmill, this fills the server with an example to look at:
      </p>
      <Snippet>{`export RUNMILL_URL=${location.origin} RUNMILL_API_KEY=<secret key>
npm run demo`}</Snippet>
    </Empty>
  )
}
