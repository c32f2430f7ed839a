/** Addresses of the page's views, so that no view has to know how another spells its own. */

const base = '/app'

export function datasetsUrl(): string {
  return `${base}/datasets`
}

export function datasetUrl(id: string): string {
  return `${base}/datasets/${encodeURIComponent(id)}`
}

/** @public */
export function experimentUrl(id: string): string {
  return `${base}/experiments/${encodeURIComponent(id)}`
}

/** @param run the run that is shown open */
export function traceUrl(id: string, run?: string | null): string {
  const open = run === undefined || run === null ? '' : `?run=${encodeURIComponent(run)}`
  return `${base}/traces/${encodeURIComponent(id)}${open}`
}

/** The runs of an experiment or a project. */
export function runsOfUrl(id: string): string {
  return `${base}/runs?project=${encodeURIComponent(id)}`
}

/** All runs of a trace, as a list. */
export function runsOfTraceUrl(id: string): string {
  const parameters = new URLSearchParams({
    runs: 'all',
    filter: `eq(trace_id, ${JSON.stringify(id)})`,
  })
  return `${base}/runs?${parameters.toString()}`
}

/** @param baseline without it, the experiment before the first candidate on its dataset */
export function compareUrl(candidates: readonly string[], baseline?: string): string {
  const parameters = new URLSearchParams()
  if (baseline !== undefined) parameters.set('baseline', baseline)
  for (const candidate of candidates) parameters.append('candidate', candidate)
  return `${base}/compare?${parameters.toString()}`
}
