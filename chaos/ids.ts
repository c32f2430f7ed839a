import { deriveId } from '../src/domain/ids.ts'

/** The ids of what one unit of the load is about. The same run of the harness always gives the same. */
export function idOf(seed: number, unit: number, name: string): string {
  return deriveId('chaos', String(seed), String(unit), name)
}

/** So many hex digits, as OpenTelemetry's ids have. */
export function hexOf(seed: number, unit: number, name: string, digits: number): string {
  return idOf(seed, unit, name).replaceAll('-', '').slice(0, digits)
}
