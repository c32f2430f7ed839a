import { experimentId } from '../src/domain/ids.ts'
import { fromEpochMs } from '../src/domain/timestamp.ts'
import { readExport } from '../src/http/otlp/decode.ts'
import { spansToEvents } from '../src/http/otlp/span-to-events.ts'
import { hexOf } from './ids.ts'
import { startOf, textOf, type Setting, type UnitKind, type UnitStep } from './unit-kind.ts'

/** Steps: the child, which ends first and so is exported first, then the root. */
export const otlpUnit: UnitKind = {
  name: 'OTLP',
  stepCount: 2,
  kindsOf: () => ['otlp'],
  build(setting, _, steps) {
    const body = JSON.stringify(exportOf(setting, steps))
    return { path: '/v1/traces', contentType: 'application/json', body }
  },
  eventsOf(setting, unit, step) {
    const now = fromEpochMs(startOf(setting, unit))!
    const { spans } = readExport(exportOf(setting, [{ unit, step }]), now)
    return spansToEvents(spans, { experimentId: experimentId(null, 'default', 0), now })
  },
}

function exportOf(setting: Setting, steps: readonly UnitStep[]): object {
  const spans = steps.map((each) => spanOf(setting, each))
  const scope = { name: 'chaos', version: '1' }
  const resource = { attributes: [attribute('service.name', 'chaos')] }
  return { resourceSpans: [{ resource, scopeSpans: [{ scope, spans }] }] }
}

function spanOf(setting: Setting, { unit, step }: UnitStep): object {
  const begin = startOf(setting, unit)
  const isRoot = step === 1
  const text = textOf(setting, unit)
  const attributes = isRoot
    ? [
        attribute('langfuse.trace.name', `exported ${unit}`),
        attribute('user.id', `user ${unit % 20}`),
        attribute('langfuse.observation.input', JSON.stringify({ text })),
        attribute('langfuse.observation.output', JSON.stringify({ unit })),
      ]
    : [
        attribute('langfuse.observation.type', 'generation'),
        attribute('langfuse.observation.model.name', 'gpt-4o'),
        attribute('langfuse.observation.input', text),
        attribute('langfuse.observation.usage_details', `{"input":${unit % 30},"output":3}`),
      ]
  const rootId = hexOf(setting.seed, unit, 'otlp root', 16)
  return {
    traceId: hexOf(setting.seed, unit, 'otlp trace', 32),
    spanId: isRoot ? rootId : hexOf(setting.seed, unit, 'otlp child', 16),
    ...(isRoot ? {} : { parentSpanId: rootId }),
    name: isRoot ? `exported root ${unit}` : `exported child ${unit}`,
    kind: 1,
    startTimeUnixNano: `${begin + (isRoot ? 0 : 5)}000000`,
    endTimeUnixNano: `${begin + (isRoot ? 500 : 250)}000000`,
    attributes,
    status: { code: unit % 13 === 0 ? 2 : 0 },
  }
}

function attribute(key: string, text: string): object {
  return { key, value: { stringValue: text } }
}
