import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { entityFields, type EntityKind } from '../../src/domain/entities.ts'
import { migrationNames } from '../../src/store/migrate.ts'

/**
 * Migrations are SQL and cannot ask `entities.ts` which slot a field has, so they hold it as a number: `m & 16` asks
 * for slot 4, `fv[33]` is slot 32. Each of those numbers is listed here with the field that it means.
 */
const literals: {
  migration: string
  kind: EntityKind
  property: string
  slot: number
  written: string[]
}[] = [
  {
    migration: '0003_scores.sql',
    kind: 'run',
    property: 'totalTokens',
    slot: 23,
    written: ['m & 8388608', 'fv[24]'],
  },
  {
    migration: '0003_scores.sql',
    kind: 'run',
    property: 'totalCost',
    slot: 32,
    written: ['m | 4294967296', 'fv[33]'],
  },
  {
    migration: '0009_list_reads.sql',
    kind: 'trace',
    property: 'name',
    slot: 2,
    written: ['m & 4'],
  },
  {
    migration: '0009_list_reads.sql',
    kind: 'trace',
    property: 'userId',
    slot: 3,
    written: ['m & 8'],
  },
  {
    migration: '0009_list_reads.sql',
    kind: 'trace',
    property: 'threadId',
    slot: 4,
    written: ['m & 16'],
  },
  {
    migration: '0015_model_prices.sql',
    kind: 'run',
    property: 'totalCost',
    slot: 32,
    written: ['m & 4294967296', 'fv[33]'],
  },
]

test.each(literals)(
  '$migration: the slot of $property of a $kind is $slot',
  ({ kind, property, slot, written }) => {
    const actual = entityFields[kind].findIndex(({ columns }) => Object.hasOwn(columns, property))
    expect(actual).toBe(slot)
    for (const text of written) {
      const number = Number(/\d+/.exec(text)![0])
      expect(number, text).toBe(text.startsWith('fv') ? slot + 1 : 2 ** slot)
    }
  },
)

test('no migration holds another slot than those', () => {
  const found = migrationNames().flatMap((migration) => {
    const text = readFileSync(new URL(`../../migrations/${migration}`, import.meta.url), 'utf8')
    const all = text.match(/\bm\s*(?:[&|#]|<<|>>)\s*\d+|\bfv\s*\[\s*\d+\s*\]/g) ?? []
    return [...new Set(all)].map((written) => `${migration}: ${written}`)
  })
  const listed = literals.flatMap(({ migration, written }) =>
    written.map((text) => `${migration}: ${text}`),
  )
  expect(found.toSorted()).toEqual(listed.toSorted())
})

/** The first property of each field. A field keeps its place for good: stored rows have a bit and a version by place. */
const order: Record<EntityKind, string[]> = {
  run: [
    'traceId',
    'experimentId',
    'parentRunId',
    'name',
    'runType',
    'startTime',
    'endTime',
    'inputs',
    'outputs',
    'error',
    'events',
    'serialized',
    'tags',
    'dottedOrder',
    'referenceExampleId',
    'metadata',
    'runtime',
    'extra',
    'level',
    'statusMessage',
    'version',
    'model',
    'modelParameters',
    'promptTokens',
    'firstTokenTime',
    'threadId',
    'userId',
    'promptName',
    'environment',
    'createdAt',
    'updatedAt',
    'attachments',
    'promptCost',
    'isAppRoot',
  ],
  trace: [
    'timestamp',
    'experimentId',
    'name',
    'userId',
    'threadId',
    'release',
    'version',
    'isPublic',
    'environment',
    'tags',
    'metadata',
    'inputs',
    'outputs',
    'createdAt',
    'updatedAt',
  ],
  run_item: [
    'experimentId',
    'exampleVersion',
    'createdAt',
    'externalExampleId',
    'exampleOutputs',
    'exampleMetadata',
  ],
  feedback: [
    'runId',
    'traceId',
    'experimentId',
    'threadId',
    'key',
    'score',
    'value',
    'dataType',
    'comment',
    'correction',
    'sourceType',
    'configId',
    'queueId',
    'environment',
    'metadata',
    'extra',
    'comparativeExperimentId',
    'feedbackGroupId',
    'runStartTime',
    'timestamp',
    'createdAt',
    'updatedAt',
  ],
}

test.each(Object.entries(order))('the fields of a %s keep their order', (kind, properties) => {
  const actual = entityFields[kind as EntityKind].map(({ columns }) => Object.keys(columns)[0])
  expect(actual, 'add a new field at the end, here as in entities.ts').toEqual(properties)
})
