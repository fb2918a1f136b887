import { randomUUID } from 'node:crypto'
import { move, type Opening, type Plan, type Posting } from './plans.ts'
import type { Random } from './random.ts'

/** One item of a batch of all kinds. */
export type Item =
  | { readonly open_account: Opening }
  | { readonly record: Posting }
  | { readonly post: { readonly transaction: string; readonly amount: string } }
  | { readonly reverse: { readonly transaction: string } }

/**
 * Opens an account, holds on it and posts a part of that, which may be more than is held; records
 * something and takes it back. What comes of it rests on nothing but itself.
 */
export const mixedOf = (random: Random, number: number): Plan => {
  const [code, hold, mistake] = [`mixed:${number}`, randomUUID(), randomUUID()]
  const mark = (item: number) => ({ command: String(number), item: String(item) })
  const held = random.int(10, 100)
  const posted = random.int(1, 120)
  const items: Item[] = [
    { open_account: { code, type: 'asset', currency: 'EUR', min_balance: '0' } },
    { record: { metadata: mark(0), entries: move('a:4', code, 100) } },
    {
      record: {
        id: hold,
        status: 'pending',
        metadata: mark(1),
        entries: move(code, 'hot', held),
      },
    },
    { record: { id: mistake, metadata: mark(2), entries: move('hot', 'a:5', 7) } },
    { post: { transaction: hold, amount: String(posted) } },
    { reverse: { transaction: mistake } },
  ]
  return { kind: 'mixed', items, atomic: posted <= held && random.chance(0.5) }
}

/** What becomes of the items of such a batch. */
export const fateOf = (items: readonly Item[]): string[] => {
  const holds = new Map<string, string>()
  return items.map((item) => {
    if ('open_account' in item) return 'opened'
    if ('reverse' in item) return 'reversed'
    if ('post' in item) {
      const held = holds.get(item.post.transaction) ?? '0'
      return BigInt(item.post.amount) > BigInt(held) ? 'amount_exceeds_hold' : 'posted'
    }
    const { id, status, entries } = item.record
    if (id !== undefined && status === 'pending') holds.set(id, entries[0]?.amount ?? '0')
    return 'recorded'
  })
}
