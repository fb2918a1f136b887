import { parseArgs } from 'node:util'
import * as eventStore from '../../src/event-store/store/event-store.ts'
import { simulate } from './support/simulation.ts'

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '1000' }, from: { type: 'string', default: '1' } },
})
const first = Number(values.from)
const last = first + Number(values.seeds) - 1
for (let seed = first; seed <= last; seed++) {
  await simulate(seed, eventStore)
  if (seed % 1000 === 0) console.log(`${seed - first + 1} seeds passed`)
}
console.log(`seeds ${first} to ${last} passed`)
