import type { KeyPair } from './domain/keys.ts'

export interface BannerFacts {
  /** `http://host:port`; null in a process that serves no HTTP. */
  address: string | null
  /** Keys made by this very start; null when there is nothing to show. */
  keys: KeyPair | null
  tenantName: string
}

/** Tells on standard output that the process is ready, and at the first start how to use it. */
export function printBanner({ address, keys, tenantName }: BannerFacts): void {
  const url = address?.replace(/\/\/(0\.0\.0\.0|\[::\])/, '//localhost') ?? null
  const lines = [url === null ? 'Runmill worker is ready' : `Runmill is ready at ${url}`]
  if (keys !== null) {
    lines.push(
      '',
      `Keys of the tenant "${tenantName}". The secret key is not stored and is shown this once:`,
      '',
      `  public key  ${keys.publicKey}`,
      `  secret key  ${keys.secretKey}`,
    )
  }
  if (keys !== null && url !== null) {
    lines.push(
      '',
      'To point an SDK here, paste:',
      '',
      `  export LANGFUSE_BASE_URL=${url}`,
      `  export LANGFUSE_HOST=${url}`,
      `  export LANGFUSE_PUBLIC_KEY=${keys.publicKey}`,
      `  export LANGFUSE_SECRET_KEY=${keys.secretKey}`,
      '',
      `  export LANGSMITH_ENDPOINT=${url}`,
      `  export LANGSMITH_API_KEY=${keys.secretKey}`,
      '  export LANGSMITH_TRACING=true',
      '',
    )
  }
  console.log(lines.join('\n'))
}
