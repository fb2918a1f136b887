/**
 * Deals the cards in an order of chance's, and when all are dealt, in another: whatever the seed,
 * each comes once in as many as there are. `random` gives at least 0, below 1.
 */
export const deckOf = <Card>(random: () => number, cards: readonly Card[]): (() => Card) => {
  let left: Card[] = []
  return () => {
    if (left.length === 0) left = [...cards]
    const [card] = left.splice(Math.floor(random() * left.length), 1)
    return card as Card
  }
}
