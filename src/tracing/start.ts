import { hostname, networkInterfaces } from 'node:os'
import type { Log } from '../domain/log.ts'
import type { StartedTracing } from './otel.ts'

export interface TracingSettings {
  /** Where spans go, without `/v1/traces`; null for nowhere. */
  otlpEndpoint: string | null
  role: string
  host: string
  port: number
  publicUrl: string | null
}

/**
 * Begins to send spans, if that is asked for: only then is anything of OpenTelemetry loaded. To itself a server sends none,
 * because each request that carries spans would make further ones.
 */
export async function startTracing(
  settings: TracingSettings,
  log: Log,
): Promise<StartedTracing | null> {
  const { otlpEndpoint: endpoint, role } = settings
  if (endpoint === null) return null
  if (isOwnAddress(endpoint, settings)) {
    log.warn(
      { host: new URL(endpoint).host },
      'OTEL_EXPORTER_OTLP_ENDPOINT is the address of this server, which sends no traces to itself: set another one, or none',
    )
    return null
  }
  const { createOtelTracing } = await import('./otel.ts')
  return createOtelTracing(endpoint, role, log)
}

/** Whether the URL leads to this server, by its public address or by one of this machine and its port. */
export function isOwnAddress(
  endpoint: string,
  { host, port, publicUrl }: Pick<TracingSettings, 'host' | 'port' | 'publicUrl'>,
): boolean {
  const url = new URL(endpoint)
  if (publicUrl !== null && new URL(publicUrl).origin === url.origin) return true
  const given = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
  if (given !== port) return false
  const name = url.hostname.replace(/^\[|\]$/g, '')
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  const own = ['localhost', '0.0.0.0', '::', host, hostname()]
  return (
    own.includes(name) ||
    name.startsWith('127.') ||
    addresses.some(({ address }) => address === name)
  )
}
