import assert from 'node:assert/strict'
import { type Account, available, post } from '../../src/domain/account.ts'
import { findAccount } from '../../src/domain/book.ts'
import { openLive } from '../support/live-book.ts'

const empty = findAccount(
  openLive([{ code: 'cash', type: 'asset', currency: 'EUR', min_balance: null, max_balance: null }])
    .book,
  'cash',
) as Account

describe('what is posted to an account', () => {
  it('is to come while its date lies ahead, and is not remembered for longer', () => {
    const ahead = post(post(empty, 10n, 200, 100), 5n, 300, 150)
    assert.deepEqual(ahead.maturing, [
      { at: 200, amount: 10n },
      { at: 300, amount: 5n },
    ])
    assert.deepEqual(
      [199, 200, 300].map((now) => available(ahead, now)),
      [0n, 10n, 15n],
    )
    const later = post(ahead, 1n, 250, 250)
    assert.deepEqual(later.maturing, [{ at: 300, amount: 5n }])
    assert.deepEqual(post(later, 1n, 400, 400).maturing, [])
  })

  it('counts at once where it takes something, or has a date that has come', () => {
    assert.equal(available(post(empty, -10n, 200, 100), 100), -10n)
    assert.deepEqual(post(empty, -10n, 200, 100).maturing, [])
    assert.equal(available(post(empty, 10n, 100, 100), 100), 10n)
    assert.deepEqual(post(empty, 10n, 100, 100).maturing, [])
  })
})
