import { planted } from './simulation/first-seed.ts'
import { violations } from './simulation/invariants.ts'
import { simulate } from './simulation/simulate.ts'

/**
 * `node dist/tests/commands/simulate-writer.js [how many] [first seed]`, or with `planted`: what each
 * planted mistake shows as first, and with which seed.
 */
const [count = '100000', first = '1'] = process.argv.slice(2)

const runSeeds = async (): Promise<void> => {
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
}

const showPlanted = async (): Promise<void> => {
  for (const [name, firstShown] of Object.entries(planted)) {
    const shown = await firstShown()
    console.log(`| ${name} | ${shown ? `${shown.as} (${shown.seed})` : 'not found'} |`)
  }
}

await (count === 'planted' ? showPlanted() : runSeeds())
