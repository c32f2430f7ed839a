/** Addresses of the server's page. */

export function datasetLink(url: string, dataset: string): string {
  return `${url}/app/datasets/${encodeURIComponent(dataset)}`
}

export function compareLink(
  url: string,
  { baseline, candidate, row }: { baseline: string; candidate: string; row?: string },
): string {
  const query = new URLSearchParams({
    baseline,
    candidate,
    ...(row === undefined ? {} : { open: row }),
  })
  return `${url}/app/compare?${query.toString()}`
}
