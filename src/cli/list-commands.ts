import { countOf, pairsOf, readArguments } from './arguments.ts'
import { readConnection } from './client.ts'
import { CliError, exitCodes, shown } from './exit.ts'
import { findDataset, listDatasets, listExperiments } from './lists.ts'
import { numberText, tableText, timeText } from './table.ts'

const datasetsUsage = `runmill datasets [OPTIONS]

  Lists datasets, those with the newest experiments first.

  --contains TEXT   only those with this in their names
  --limit N         how many (default 50)
  --json            prints what the server answers

Ends with 0, 64: wrong usage or key, 69: server not reachable.`

/** Lists datasets. */
export async function datasetsCommand(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { values, positionals } = readArguments(
    args,
    {
      contains: { type: 'string' },
      limit: { type: 'string', default: '50' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    datasetsUsage,
  )
  if (values.help) return shown(datasetsUsage)
  if (positionals.length > 0) throw new CliError(exitCodes.usage, datasetsUsage)
  const limit = countOf(values.limit, '--limit')
  const datasets = await listDatasets(readConnection(env), { contains: values.contains, limit })
  if (values.json) return shown(JSON.stringify(datasets, null, 2))
  if (datasets.length === 0) return shown('There are no datasets.')
  return shown(
    tableText(
      ['dataset', 'examples', 'experiments', 'last experiment', 'id'],
      datasets.map((each) => [
        each.name,
        String(each.example_count),
        String(each.session_count),
        timeText(each.last_session_start_time),
        each.id,
      ]),
    ),
  )
}

const experimentsUsage = `runmill experiments [OPTIONS]

  Lists experiments, the newest first, with the means of their scores.

  --dataset NAME         id or name of the dataset that they are on
  --metadata KEY=VALUE   only those with this in their metadata; may be repeated
  --limit N              how many (default 20)
  --json                 prints what the server answers

Ends with 0, 2: no such dataset, 64: wrong usage or key, 69: server not reachable.`

/** Lists experiments. */
export async function experimentsCommand(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { values, positionals } = readArguments(
    args,
    {
      dataset: { type: 'string' },
      metadata: { type: 'string', multiple: true },
      limit: { type: 'string', default: '20' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    experimentsUsage,
  )
  if (values.help) return shown(experimentsUsage)
  if (positionals.length > 0) throw new CliError(exitCodes.usage, experimentsUsage)
  const limit = countOf(values.limit, '--limit')
  const wanted = values.metadata
  const metadata = wanted === undefined ? undefined : pairsOf(wanted, '--metadata')
  const connection = readConnection(env)
  const { dataset } = values
  const datasetId = dataset === undefined ? undefined : (await findDataset(connection, dataset)).id
  const experiments = await listExperiments(connection, { datasetId, metadata, limit })
  if (values.json) return shown(JSON.stringify(experiments, null, 2))
  if (experiments.length === 0) return shown('There are no such experiments.')
  return shown(
    tableText(
      ['experiment', 'started', 'executions', 'failed', 'latency', 'cost', 'scores'],
      experiments.map((each) => [
        each.name,
        timeText(each.start_time),
        String(each.run_count),
        each.error_rate === null ? '–' : `${numberText(each.error_rate * 100)} %`,
        each.latency_p50 === null ? '–' : `${numberText(each.latency_p50)} s`,
        each.total_cost === null ? '–' : numberText(Number(each.total_cost)),
        Object.entries(each.feedback_stats ?? {})
          .map(([key, { avg, n }]) => `${key} ${avg === null ? `${n} labels` : numberText(avg)}`)
          .join(', '),
      ]),
    ),
  )
}
