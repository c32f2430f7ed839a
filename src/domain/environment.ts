/** Where nothing is said, or nothing that can be a name. */
export const defaultEnvironment = 'default'

const longestName = 40

/** The name of an environment as Langfuse keeps it (contracts/langfuse.md 3.4). Never an error. */
export function normalizeEnvironment(sent: string): string {
  const name = sent
    .toLowerCase()
    .replace(/^(?:langfuse[-_]?)+/, '')
    .slice(0, longestName)
  return /^[a-z0-9_-]+$/.test(name) ? name : defaultEnvironment
}
