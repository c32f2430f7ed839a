import type { Role } from './config.ts'
import type { KeyPair } from './domain/keys.ts'

export interface BannerFacts {
  role: Role
  /** `http://host:port` */
  url: string
  /** The address at which health is served separately, in the same form. */
  healthUrl: string
  /** The keys that this start has made; null when there is nothing to show. */
  keys: KeyPair | null
  tenantName: string
}

/** Reports on standard output that the process is ready, and, at the first start, how to use it. */
export function printBanner({
  role,
  url: listening,
  healthUrl,
  keys,
  tenantName,
}: BannerFacts): void {
  const url = reachable(listening)
  const lines = [
    `${role === 'worker' ? 'Runmill worker' : 'Runmill'} is ready at ${url}`,
    `Health for probes is at ${reachable(healthUrl)}`,
  ]
  if (keys !== null) {
    lines.push(
      '',
      `Keys of the tenant "${tenantName}". The secret key is not stored and is shown this once:`,
      '',
      `  public key  ${keys.publicKey}`,
      `  secret key  ${keys.secretKey}`,
    )
  }
  if (keys !== null && role !== 'worker') {
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

function reachable(url: string): string {
  return url.replace(/\/\/(?:0\.0\.0\.0|\[::\])/, '//localhost')
}
