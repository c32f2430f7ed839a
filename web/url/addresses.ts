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

/** @param baseline without it, the experiment before the first candidate on its dataset */
export function compareUrl(candidates: readonly string[], baseline?: string): string {
  const parameters = new URLSearchParams()
  if (baseline !== undefined) parameters.set('baseline', baseline)
  for (const candidate of candidates) parameters.append('candidate', candidate)
  return `${base}/compare?${parameters.toString()}`
}
