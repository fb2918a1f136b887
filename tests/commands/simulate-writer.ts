import { violations } from './simulation/invariants.ts'
import { simulate } from './simulation/simulate.ts'

/** `node dist/tests/commands/simulate-writer.js [how many] [first seed]` */
const [count = '100000', first = '1'] = process.argv.slice(2)
let broken = 0
for (let seed = Number(first); seed < Number(first) + Number(count); seed++) {
  const found = violations(await simulate(seed))
  if (found.length > 0) {
    broken++
    console.log(`seed ${seed}:\n${found.map((one) => `  ${one}`).join('\n')}`)
  }
  if (seed % 1000 === 0) console.log(`${seed} done`)
}
console.log(`${count} seeds, ${broken} with violations`)
process.exitCode = broken > 0 ? 1 : 0
