import { langfuseUnit } from './langfuse-unit.ts'
import { langsmithUnit } from './langsmith-unit.ts'
import { otlpUnit } from './otlp-unit.ts'
import type { UnitKind } from './unit-kind.ts'

const kinds = [langsmithUnit, langfuseUnit, langsmithUnit, otlpUnit] as const

export function kindOf(unit: number): UnitKind {
  return kinds[unit % kinds.length]!
}
