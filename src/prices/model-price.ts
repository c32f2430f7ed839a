import type { Decimal, JsonText } from '../domain/entities.ts'
import type { Timestamp } from '../domain/timestamp.ts'

/** What a model costs: an entry of a tenant's prices, or one that ships with the server. */
export interface ModelPrice {
  id: string
  name: string
  /** A regular expression (pattern.ts). */
  matchPattern: string
  /** The parameters of a model's invocation that may hold its name, for runs that name no model otherwise. */
  matchPath: string[]
  /** Null: of any provider. */
  provider: string | null
  /** In force from then on; null: always. */
  startTime: Timestamp | null
  unit: string | null
  tiers: PriceTier[]
  /**
   * A part of the input or output without a price of its own: true, it costs what its whole does (LangSmith); false, it
   * costs nothing (Langfuse).
   */
  partsFallBack: boolean
  tokenizerId: string | null
  tokenizerConfig: JsonText | null
  createdAt: Timestamp
}

/** Prices for some usage of a model. One tier of a model is the default; it has no conditions. */
export interface PriceTier {
  id: string
  name: string
  isDefault: boolean
  /** Tiers are tried from the lowest number; the default comes last, whatever its number. */
  priority: number
  /** All of them have to hold. */
  conditions: PriceCondition[]
  /** Key of the usage (`input`, `output_reasoning`, `total`, …) to US dollars for one unit. */
  prices: Record<string, Decimal>
}

export type PriceCondition = UsageCondition | AttributeCondition

/** Compares the sum of the usage whose keys match a pattern. */
export interface UsageCondition {
  usageDetailPattern: string
  operator: 'gt' | 'gte' | 'lt' | 'lte' | 'eq' | 'neq'
  value: number
  caseSensitive: boolean
}

/** Asks for one of several values of a model parameter, or of a key of the metadata. */
export interface AttributeCondition {
  source: 'model_parameters' | 'metadata'
  key: string
  operator: 'in'
  values: string[]
}

/** The parameters of an invocation that usually hold the name of the model (contracts/langsmith.md 2.12). */
export const defaultMatchPath = ['model', 'model_name', 'model_id', 'model_path', 'endpoint_name']

/** What is kept in a run whose cost was computed. */
export interface AppliedPrice {
  /** What the cost depends on, as a hash: the run is not priced again while this stays. */
  inputs: string
  /** The version of the client's word on the cost when the cost was computed. Another version is another word. */
  costVersion: string | null
  /** The price; null when none was found. */
  id: string | null
  tierId: string | null
  tierName: string | null
  /** US dollars for one unit. */
  input: Decimal | null
  output: Decimal | null
  total: Decimal | null
}
