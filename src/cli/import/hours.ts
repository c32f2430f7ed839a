/** What one client gets through where no limit holds it up. */
export const requestsPerSecond = 5

export function hours(seconds: number): string {
  return `${(seconds / 3600).toFixed(seconds < 360 ? 2 : 1)} hours`
}
