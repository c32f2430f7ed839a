import { expect, test } from 'vitest'
import { normalizeEnvironment } from '../../src/domain/environment.ts'

test.each([
  ['production', 'production'],
  ['Sdk-Experiment', 'sdk-experiment'],
  ['langfuse-langfuse_prod', 'prod'],
  ['LANGFUSEstaging', 'staging'],
  ['a'.repeat(50), 'a'.repeat(40)],
  ['langfuse', 'default'],
  ['', 'default'],
  ['two words', 'default'],
  ['ümlaut', 'default'],
])('%j is the environment %j', (sent, name) => {
  expect(normalizeEnvironment(sent)).toBe(name)
})
