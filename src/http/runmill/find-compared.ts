import { z } from 'zod'
import {
  comparedExperimentList,
  type ExperimentSearch,
  type NamedExperiment,
} from '../../store/read/compare/compared-experiments.ts'
import type { Db } from '../../store/pool.ts'
import type { CompareRequest } from './compare-request.ts'
import { RunmillError } from './errors.ts'

/**
 * Finds the experiments that a request names.
 * @throws RunmillError 404 when there is none, 400 when several have that name, or one would be compared with itself
 */
export async function findCompared(
  db: Db,
  tenantId: string,
  asked: CompareRequest,
): Promise<{ baseline: NamedExperiment; candidates: NamedExperiment[] }> {
  // One after the other: a tenant may have few reads under way.
  const candidates: NamedExperiment[] = []
  for (const name of new Set(asked.candidates)) {
    const found = await findNamed(db, tenantId, name, asked.dataset, asked.candidate_metadata)
    if (candidates.every(({ id }) => id !== found.id)) candidates.push(found)
  }
  const baseline = await findBaseline(db, tenantId, candidates[0]!, asked)
  if (candidates.some(({ id }) => id === baseline.id)) {
    throw new RunmillError(
      400,
      `${baseline.name} is not compared with itself: name another baseline`,
    )
  }
  return { baseline, candidates }
}

async function findNamed(
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

async function findBaseline(
  db: Db,
  tenantId: string,
  candidate: NamedExperiment,
  { baseline, baseline_metadata: metadata, dataset }: CompareRequest,
): Promise<NamedExperiment> {
  if (baseline !== 'previous' && baseline !== 'latest') {
    return findNamed(db, tenantId, baseline, dataset ?? candidate.datasetId)
  }
  const search: ExperimentSearch = {
    datasetId: candidate.datasetId,
    except: candidate.id,
    ...(baseline === 'previous' ? { before: candidate } : {}),
    ...(metadata === undefined ? {} : { metadata }),
  }
  const [found] = await comparedExperimentList(db, tenantId, search, 1)
  if (found !== undefined) return found
  const of = metadata === undefined ? '' : ` with the metadata ${JSON.stringify(metadata)}`
  throw new RunmillError(
    404,
    `${candidate.datasetName} has no ${baseline === 'previous' ? 'earlier' : 'other'} experiment${of} to compare ${candidate.name} with`,
  )
}
