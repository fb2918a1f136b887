import { violations } from './invariants.ts'
import { withMutant } from './mutant.ts'
import { plantedAround, plantedBelow, plantedWithin } from './planted-bugs.ts'
import { type Mistake, simulate } from './simulate.ts'

/** Each mistake must show within so many. */
const seedsForMistakes = 400

export type Shown = { readonly seed: number; readonly as: string }
type Planted = Readonly<Record<string, () => Promise<Shown | null>>>

/** What a mistake shows as first, and with which seed; null where it does not. */
const firstShown = async (mistake: Mistake): Promise<Shown | null> => {
  for (let seed = 1; seed <= seedsForMistakes; seed++) {
    const as = await shownBy(seed, mistake)
    if (as !== null) return { seed, as }
  }
  return null
}

/** A run that ends in an error of its own shows it as well. */
const shownBy = async (seed: number, mistake: Mistake): Promise<string | null> => {
  try {
    return violations(await simulate(seed, mistake))[0] ?? null
  } catch (error) {
    return (error as Error).message
  }
}

const entries = Object.entries
const within = entries(plantedWithin).map(
  ([name, mutation]) => [name, ['commands/book-writer.js', ...mutation]] as const,
)

/** Every mistake that is planted around, within and below the writer, by its name. */
export const planted: Planted = Object.fromEntries([
  ...entries(plantedAround).map(([name, mistake]) => [name, () => firstShown(mistake)] as const),
  ...[...within, ...entries(plantedBelow)].map(
    ([name, [module, ...mutation]]) =>
      [name, () => withMutant(module, mutation, (writer) => firstShown({ writer }))] as const,
  ),
])
