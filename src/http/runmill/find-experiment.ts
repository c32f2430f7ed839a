import { z } from 'zod'
import type { Db } from '../../store/pool.ts'
import {
  comparedExperimentList,
  type ExperimentSearch,
  type NamedExperiment,
} from '../../store/read/compare/compared-experiments.ts'
import { RunmillError } from './errors.ts'

/**
 * Finds an experiment on a dataset by its id or name, or the `latest` one with these metadata.
 * @throws RunmillError 404 when there is none, 400 when several have that name
 */
export async function findExperiment(
  db: Db,
  tenantId: string,
  name: string,
  dataset: string | undefined,
  metadata?: Record<string, string>,
): Promise<NamedExperiment> {
  const among: ExperimentSearch = dataset === undefined ? {} : { dataset }
  if (name === 'latest') {
    const search = metadata === undefined ? among : { ...among, metadata }
    const [latest] = await comparedExperimentList(db, tenantId, search, 1)
    if (latest !== undefined) return latest
    const of = metadata === undefined ? '' : ` with the metadata ${JSON.stringify(metadata)}`
    throw new RunmillError(404, `There is no experiment${of} on a dataset`)
  }
  if (z.guid().safeParse(name).success) {
    const [byId] = await comparedExperimentList(db, tenantId, { ...among, id: name }, 1)
    if (byId !== undefined) return byId
  }
  const found = await comparedExperimentList(db, tenantId, { ...among, name }, 2)
  const [first, second] = found
  if (first === undefined)
    throw new RunmillError(404, `There is no experiment ${name} on a dataset`)
  if (second !== undefined && second.datasetId !== first.datasetId)
    throw new RunmillError(
      400,
      `Several datasets have an experiment ${name}: name the dataset too, or give the id`,
    )
  return first
}

/** @throws RunmillError 404 when no experiment on a dataset has this id */
export async function findExperimentById(
  db: Db,
  tenantId: string,
  id: string,
): Promise<NamedExperiment> {
  const [experiment] = await comparedExperimentList(db, tenantId, { id }, 1)
  if (experiment === undefined)
    throw new RunmillError(404, 'There is no such experiment on a dataset')
  return experiment
}
