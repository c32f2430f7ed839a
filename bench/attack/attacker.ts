import { setMaxListeners } from 'node:events'
import { attacks, type Target } from './attacks.ts'

/*
 * The attacker of bench/front-door.ts, in a process of its own, so that those who ask meanwhile do not wait for its
 * event loop. It attacks until the process that forked it disconnects.
 */

/** What the process is told. */
export interface AttackOrder {
  name: string
  connections: number
  target: Target
}

process.once('message', (message) => {
  const { name, connections, target } = message as AttackOrder
  const ends = new AbortController()
  setMaxListeners(0, ends.signal)
  process.once('disconnect', () => ends.abort())
  const attack = attacks(connections).find((one) => one.name === name)!
  void attack.begin(target, ends.signal).then(() => process.exit())
})
