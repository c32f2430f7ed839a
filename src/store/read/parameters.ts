import type { Parameter } from '../statements.ts'
import type { Bind } from './filter/langfuse-filter-sql.ts'

/** Parameters of a statement that is composed, whose $1 is the tenant. */
export function parametersOf(tenantId: string): { parameters: Parameter[]; bind: Bind } {
  const parameters: Parameter[] = [tenantId]
  return { parameters, bind: (value) => `$${parameters.push(value)}` }
}
