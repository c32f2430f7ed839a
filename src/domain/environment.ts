/** The environment of whatever names none, or names one that is not valid. */
export const defaultEnvironment = 'default'

const longestName = 40

/** Returns the name of an environment as Langfuse keeps it (contracts/langfuse.md 3.4). Never throws. */
export function normalizeEnvironment(sent: string): string {
  const name = sent
    .toLowerCase()
    .replace(/^(?:langfuse[-_]?)+/, '')
    .slice(0, longestName)
  return /^[a-z0-9_-]+$/.test(name) ? name : defaultEnvironment
}
