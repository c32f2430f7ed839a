import { expect, test } from 'vitest'
import {
  conditionTypesOf,
  experimentFilterColumns,
  experimentItemFilterColumns,
  observationFilterColumns,
  scoreFilterColumns,
  traceFilterColumns,
} from '../../../src/http/langfuse/filter-columns.ts'
import {
  flagOperators,
  listOperators,
  nullOperators,
  numberOperators,
  optionOperators,
  orderOperators,
  textOperators,
  type LangfuseCondition,
} from '../../../src/http/langfuse/filter-condition.ts'
import { harness } from '../../support/harness.ts'
import { ingestBatch } from '../../support/langfuse-batch.ts'

const since = '2026-01-01T00:00:00.000Z'

/** Every operator of every type of condition, with a value. */
const conditions: Record<LangfuseCondition['type'], { operator: string }[]> = {
  datetime: each(orderOperators, { value: since }),
  string: each(textOperators, { value: 'x' }),
  number: each(numberOperators, { value: 1 }),
  stringOptions: each(optionOperators, { value: ['x', 'y'] }),
  arrayOptions: each(listOperators, { value: ['x', 'y'] }),
  categoryOptions: each(optionOperators, { key: 'k', value: ['x', 'y'] }),
  stringObject: each(textOperators, { key: 'k.l', value: 'x' }),
  numberObject: each(numberOperators, { key: 'k', value: 1 }),
  booleanObject: each(flagOperators, { key: 'k', value: true }),
  boolean: each(flagOperators, { value: true }),
  null: each(nullOperators, {}),
}

function each(operators: object, rest: object): { operator: string }[] {
  return Object.keys(operators).map((operator) => ({ operator, ...rest }))
}

/** Whether `matches` is allowed on a column. */
function isSearched(columns: object, column: string): boolean {
  return 'input' in columns && ['input', 'output', 'metadata'].includes(column)
}

test.each([
  ['traces', traceFilterColumns],
  ['observations', observationFilterColumns],
  ['v2/observations', observationFilterColumns],
  ['v2/scores', scoreFilterColumns],
  ['experiments', experimentFilterColumns],
  ['experiment-items', experimentItemFilterColumns],
])('every condition that is allowed on a column of %s is answered', async (path, columns) => {
  const h = await harness()
  await ingestBatch(
    h,
    ['trace-create', { id: 't', timestamp: since, name: 'x', tags: ['x'], metadata: { k: 'x' } }],
    ['span-create', { id: 'o', traceId: 't', startTime: since, name: 'x', metadata: { k: 1 } }],
    ['score-create', { id: 's', traceId: 't', observationId: 'o', name: 'k', value: 1 }],
  )
  for (const [column, of] of Object.entries(columns)) {
    const filter = conditionTypesOf(of).flatMap((type) =>
      conditions[type]
        .filter(({ operator }) => operator !== 'matches' || isSearched(columns, column))
        .map((condition) => ({ type, column, ...condition })),
    )
    expect(filter).not.toEqual([])
    const query = new URLSearchParams({ filter: JSON.stringify(filter) })
    if (path.startsWith('experiment')) query.set('fromStartTime', since)
    const answer = await h.call('GET', `/api/public/${path}?${query.toString()}`)
    expect(answer.status, `${column}: ${answer.text}`).toBe(200)
  }
})
