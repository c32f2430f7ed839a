import { Growing } from './growing.ts'

/**
 * One execution of an example: example, run item, status, microseconds, tokens, cost, scores, labels with their counts,
 * the configs of the scores, and true when nothing says that it has changed (trace_aggregates.executions).
 */
export type Execution = [
  exampleId: string,
  itemId: string,
  status: string,
  microseconds: number | null,
  tokens: number | null,
  cost: number | null,
  scores: Record<string, number>,
  labels: Record<string, Record<string, number>>,
  configs: Record<string, string>,
  isUnmarked?: true,
]

/** The means of a measure over the executions of each example that has any. Ascending by example. */
export interface MeasureColumn {
  /** The place of the example in `ids`. */
  at: Uint32Array
  mean: Float64Array
  /** Executions that have a value; 255 stands for more, too. */
  k: Uint8Array
  /** Of the scores. */
  configs: ReadonlySet<string>
}

/** The shares of labels among the executions of each example. Ascending by example. */
export interface CategoryColumn {
  at: Uint32Array
  /** The place of the label in `labels`. */
  label: Uint32Array
  share: Float64Array
  labels: string[]
  /** One execution with one label for each example. */
  isSingle: boolean
}

/** What a comparison needs of an experiment: columns over its examples, in the order of their ids. */
export interface ExperimentColumns {
  /** Of executed examples. */
  size: number
  executions: number
  /** Four numbers of 32 bits for each example. */
  ids: Uint32Array
  /** Bits: `failed`, `unfinished`. */
  flags: Uint8Array
  scores: ReadonlyMap<string, MeasureColumn>
  /** Latency in seconds, tokens, cost. */
  taken: ReadonlyMap<string, MeasureColumn>
  categories: ReadonlyMap<string, CategoryColumn>
  /** Some executions were read from the rows because nothing marks what changes them. */
  isUnmarked: boolean
  /** There were more scores or categories than `mostKeys`. */
  hasMoreKeys: boolean
  /** About what they take. */
  bytes: number
}

export const failed = 1
export const unfinished = 2

/** More different labels of a key are no categories. */
const mostLabels = 50
/** More different configs of a key are not told apart. */
const mostConfigs = 20
/** Of scores, and of categories: more than anybody can look at. A client may make up as many keys as it likes. */
export const mostKeys = 2000
/** Id and flags; place, value and count. */
const bytesOfExample = 17
const bytesOfValue = 16
/** Of a key, whatever it has; of a label. Their text comes on top. */
const bytesOfKey = 2000
const bytesOfLabel = 100

/** Builds columns of executions that come in the order of their examples. */
export class ColumnsBuilder {
  private readonly ids = new Growing(Uint32Array)
  private readonly flags = new Growing(Uint8Array)
  private readonly scores = new Map<string, MeasureBuilder>()
  private readonly taken = new Map<string, MeasureBuilder>()
  private readonly categories = new Map<string, CategoryBuilder>()
  private example = ''
  private place = -1
  private executions = 0
  private flag = 0
  private isUnmarked = false
  private values = 0
  private bytesOfKeys = 0
  private hasMoreKeys = false
  private readonly keys: ReadonlySet<string> | null

  /** @param keys only these measures and categories; null: all */
  constructor(keys: ReadonlySet<string> | null) {
    this.keys = keys
  }

  /** About what the columns take so far. */
  get bytes(): number {
    return bytesOfExample * (this.place + 1) + bytesOfValue * this.values + this.bytesOfKeys
  }

  add(execution: Execution): void {
    const [example, , status, microseconds, tokens, cost, scores, labels, configs] = execution
    if (example !== this.example) {
      if (this.place >= 0) this.flags.push(this.flag)
      this.example = example
      this.place++
      this.flag = 0
      for (const word of wordsOf(example)) this.ids.push(word)
    }
    this.executions++
    if (status === 'error') this.flag |= failed
    if (status === 'pending') this.flag |= unfinished
    if (execution[9] === true) this.isUnmarked = true
    for (const key in scores)
      this.measure(this.scores, key)?.add(this.place, scores[key]!, configs[key])
    if (microseconds !== null)
      this.measure(this.taken, 'latency')?.add(this.place, microseconds / 1e6)
    if (tokens !== null) this.measure(this.taken, 'tokens')?.add(this.place, tokens)
    if (cost !== null) this.measure(this.taken, 'cost')?.add(this.place, cost)
    for (const key in labels) {
      const more = this.category(key)?.add(this.place, labels[key]!) ?? 0
      this.bytesOfKeys += more
    }
  }

  done(): ExperimentColumns {
    if (this.place >= 0) this.flags.push(this.flag)
    const [ids, flags] = [this.ids.done(), this.flags.done()]
    const scores = doneAll(this.scores)
    const taken = doneAll(this.taken)
    const categories = new Map<string, CategoryColumn>()
    for (const [key, builder] of this.categories) {
      const column = builder.done()
      if (column !== null) categories.set(key, column)
    }
    const { place, executions, isUnmarked, hasMoreKeys, bytes } = this
    const size = place + 1
    return {
      size,
      executions,
      ids,
      flags,
      scores,
      taken,
      categories,
      isUnmarked,
      hasMoreKeys,
      bytes,
    }
  }

  private measure(among: Map<string, MeasureBuilder>, key: string): MeasureBuilder | undefined {
    return this.builder(among, key, () => new MeasureBuilder())
  }

  private category(key: string): CategoryBuilder | undefined {
    return this.builder(this.categories, key, () => new CategoryBuilder())
  }

  private builder<Builder>(
    among: Map<string, Builder>,
    key: string,
    make: () => Builder,
  ): Builder | undefined {
    if (this.keys?.has(key) === false) return undefined
    const known = among.get(key)
    if (known === undefined && among.size >= mostKeys) {
      this.hasMoreKeys = true
      return undefined
    }
    this.values++
    if (known !== undefined) return known
    const made = make()
    among.set(key, made)
    this.bytesOfKeys += bytesOfKey + 2 * key.length
    return made
  }
}

class MeasureBuilder {
  private readonly at = new Growing(Uint32Array)
  private readonly mean = new Growing(Float64Array)
  private readonly k = new Growing(Uint8Array)
  private readonly configs = new Set<string>()
  private place = -1
  private total = 0
  private count = 0

  add(place: number, value: number, config?: string): void {
    if (place !== this.place) {
      this.close()
      this.place = place
      this.total = value
      this.count = 1
    } else {
      this.total += value
      this.count++
    }
    if (config !== undefined && this.configs.size < mostConfigs) this.configs.add(config)
  }

  done(): MeasureColumn {
    this.close()
    this.place = -1
    return { at: this.at.done(), mean: this.mean.done(), k: this.k.done(), configs: this.configs }
  }

  private close(): void {
    if (this.place < 0) return
    this.at.push(this.place)
    this.mean.push(this.total / this.count)
    this.k.push(Math.min(this.count, 255))
  }
}

class CategoryBuilder {
  private readonly at = new Growing(Uint32Array)
  private readonly label = new Growing(Uint32Array)
  private readonly share = new Growing(Float64Array)
  private readonly labels = new Map<string, number>()
  private readonly open = new Map<number, number>()
  private place = -1
  private count = 0
  private isSingle = true

  /** @returns about how many more bytes it takes for labels that are new */
  add(place: number, labels: Record<string, number>): number {
    if (place !== this.place) {
      this.close()
      this.place = place
      this.count = 0
    }
    this.count++
    let bytes = 0
    let given = 0
    for (const label in labels) given += labels[label]!
    for (const label in labels) {
      if (!this.labels.has(label)) {
        if (this.labels.size > mostLabels) return bytes
        this.labels.set(label, this.labels.size)
        bytes += bytesOfLabel + 2 * label.length
      }
      const known = this.labels.get(label)!
      this.open.set(known, (this.open.get(known) ?? 0) + labels[label]! / given)
    }
    return bytes
  }

  /** @returns null for what are no categories */
  done(): CategoryColumn | null {
    this.close()
    this.place = -1
    if (this.labels.size > mostLabels) return null
    return {
      at: this.at.done(),
      label: this.label.done(),
      share: this.share.done(),
      labels: [...this.labels.keys()],
      isSingle: this.isSingle,
    }
  }

  private close(): void {
    if (this.place < 0) return
    if (this.count > 1 || this.open.size > 1) this.isSingle = false
    for (const [label, sum] of this.open) {
      this.at.push(this.place)
      this.label.push(label)
      this.share.push(sum / this.count)
    }
    this.open.clear()
  }
}

function doneAll(builders: ReadonlyMap<string, MeasureBuilder>): Map<string, MeasureColumn> {
  return new Map([...builders].map(([key, builder]) => [key, builder.done()]))
}

/** A UUID as four numbers, which are in the order of the text. */
export function wordsOf(id: string): [number, number, number, number] {
  return [
    Number.parseInt(id.slice(0, 8), 16),
    Number.parseInt(id.slice(9, 13) + id.slice(14, 18), 16),
    Number.parseInt(id.slice(19, 23) + id.slice(24, 28), 16),
    Number.parseInt(id.slice(28, 36), 16),
  ]
}

/** @returns the UUID at a place of `ids` */
export function idAt(ids: Uint32Array, place: number): string {
  let hex = ''
  for (let i = 0; i < 4; i++) hex += ids[4 * place + i]!.toString(16).padStart(8, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
