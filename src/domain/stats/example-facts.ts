import { Growing } from './growing.ts'
import { wordsOf } from './experiment-columns.ts'
import { compareIds, type Pairing } from './pairing.ts'

/** What is known of the examples of a pairing, by place. */
export interface ExampleFacts {
  /** Microseconds since 1970; NaN: there is no such example, or none any more. */
  created: Float64Array
  /** 1: its content changed between the starts of the two experiments. */
  changed: Uint8Array
  /** 1: it counts. null: all count. */
  isChosen: Uint8Array | null
  isAnyUnknown: boolean
}

/** One example: id, microseconds since 1970, whether it changed, and whether it counts. */
export type Fact = [id: string, created: number, hasChanged: boolean, counts: boolean]

/** Gathers facts that come in the order of the ids. */
export class FactsBuilder {
  private readonly ids = new Growing(Uint32Array)
  private readonly created = new Growing(Float64Array)
  private readonly flags = new Growing(Uint8Array)
  private size = 0

  add([id, created, hasChanged, counts]: Fact): void {
    for (const word of wordsOf(id)) this.ids.push(word)
    this.created.push(created)
    this.flags.push((hasChanged ? 1 : 0) + (counts ? 2 : 0))
    this.size++
  }

  /** @param isNarrowed not every example counts */
  done(pairing: Pairing, isNarrowed: boolean): ExampleFacts {
    const [ids, made, flags] = [this.ids.done(), this.created.done(), this.flags.done()]
    const created = new Float64Array(pairing.size).fill(NaN)
    const changed = new Uint8Array(pairing.size)
    const isChosen = isNarrowed ? new Uint8Array(pairing.size) : null
    let known = 0
    for (let i = 0, place = 0; i < this.size && place < pairing.size; ) {
      const order = compareIds(ids, i, pairing.ids, place)
      if (order === 0) {
        known++
        created[place] = made[i]!
        changed[place] = flags[i]! & 1
        if (isChosen !== null) isChosen[place] = flags[i]! >> 1
      }
      if (order <= 0) i++
      if (order >= 0) place++
    }
    return { created, changed, isChosen, isAnyUnknown: known < pairing.size }
  }
}
