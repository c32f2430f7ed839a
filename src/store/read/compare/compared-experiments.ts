import sql, { empty, join } from 'sql-template-tag'
import type { JsonText } from '../../../domain/entities.ts'
import type { Timestamp } from '../../../domain/timestamp.ts'
import type { Db } from '../../pool.ts'
import { runComposed, tenant } from '../../statements.ts'

/** An experiment that is compared. */
export interface NamedExperiment {
  id: string
  name: string
  datasetId: string
  datasetName: string
  metadata: JsonText
  startTime: Timestamp
  createdAt: Timestamp
}

/** Which experiments are looked for. */
export interface ExperimentSearch {
  id?: string
  name?: string
  datasetId?: string
  /** Id or name. */
  dataset?: string
  /** Created before this one. */
  before?: Pick<NamedExperiment, 'id' | 'createdAt'>
  except?: string
  /** What its metadata contain. */
  metadata?: Record<string, string>
}

/** Lists experiments of datasets, newest first. */
export async function comparedExperimentList(
  db: Db,
  tenantId: string,
  { id, name, datasetId, dataset, before, except, metadata }: ExperimentSearch,
  limit: number,
): Promise<NamedExperiment[]> {
  const conditions = [
    id === undefined ? empty : sql`and experiment.id = ${id}::uuid`,
    name === undefined ? empty : sql`and experiment.name = ${name}`,
    datasetId === undefined ? empty : sql`and experiment.dataset_id = ${datasetId}::uuid`,
    dataset === undefined
      ? empty
      : sql`and (dataset.id::text = lower(${dataset}) or dataset.name = ${dataset})`,
    before === undefined
      ? empty
      : sql`and (experiment.created_at, experiment.id) < (${before.createdAt}::timestamptz, ${before.id}::uuid)`,
    except === undefined ? empty : sql`and experiment.id <> ${except}::uuid`,
    metadata === undefined
      ? empty
      : sql`and experiment.metadata @> ${JSON.stringify(metadata)}::jsonb`,
  ].filter((condition) => condition !== empty)
  const statement = sql`
-- name: compared_experiment_list
-- The newest experiments of datasets that meet some conditions. Reads only.
select experiment.id, experiment.name, experiment.dataset_id, dataset.name as dataset_name, experiment.metadata,
  experiment.start_time, experiment.created_at
from experiments as experiment
join datasets as dataset on dataset.tenant_id = ${tenant} and dataset.id = experiment.dataset_id
where experiment.tenant_id = ${tenant} ${conditions.length === 0 ? empty : join(conditions, ' ')}
order by experiment.created_at desc, experiment.id desc
limit ${String(limit)}::bigint`
  return runComposed<NamedExperiment>(db, tenantId, statement)
}
