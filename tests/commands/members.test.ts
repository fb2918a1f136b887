import assert from 'node:assert/strict'
import { applyBatch } from '../../src/commands/apply-batch.ts'
import { decideGroup } from '../../src/commands/decide-group.ts'
import { openAccounts } from '../../src/commands/open-accounts.ts'
import { openBook } from '../../src/commands/open-book.ts'
import type { Received } from '../../src/commands/received.ts'
import { removeMember } from '../../src/commands/remove-member.ts'
import { setMember } from '../../src/commands/set-member.ts'
import { type Book, emptyBook, merge } from '../../src/domain/book.ts'
import { factsFrom, outcomesOf } from '../support/facts.ts'
import { bookId, idSource, receivedOf } from '../support/received.ts'

const ann = '11111111-1111-4111-8111-111111111111'
const bob = '22222222-2222-4222-8222-222222222222'
const account = { accounts: [{ code: 'cash', type: 'asset' as const, currency: 'EUR' }] }

describe('who may do what in a book', () => {
  let book: Book
  let nextId: () => string

  const by = (actor: string, received: Received, isAdmin = false): string => {
    const group = [{ ...received, actor, isAdmin }]
    const decided = decideGroup(book, group, factsFrom(book, group, []), 1_000)
    merge(decided.book)
    const [outcome] = outcomesOf(decided)
    return outcome?.kind === 'refused'
      ? outcome.rejection.code
      : (outcome?.event?.type ?? 'nothing')
  }
  const open = (key: string | null = null) => receivedOf(openAccounts, account, { nextId, key })
  const set = (user: string, role: 'owner' | 'bookkeeper' | 'analyst') =>
    receivedOf(setMember, { user, role }, { nextId })
  const remove = (user: string) => receivedOf(removeMember, { user }, { nextId })

  beforeEach(() => {
    book = emptyBook(bookId)
    nextId = idSource()
    assert.equal(by(ann, receivedOf(openBook, { name: 'a book' }, { nextId })), 'BookOpened')
  })

  it('is all for its opener, and nothing for others, to whom it is not there', () => {
    assert.equal(by(bob, open()), 'book_not_found')
    assert.equal(by(bob, set(bob, 'owner')), 'book_not_found')
    assert.equal(by(ann, open()), 'AccountsOpened')
  })

  it('needs no role of an administrator', () => {
    assert.equal(by(bob, open(), true), 'AccountsOpened')
    assert.equal(by(bob, set(bob, 'analyst'), true), 'MemberSet')
  })

  it('follows the role, from the next command of the same group on', () => {
    for (const [role, writes, rules] of [
      ['analyst', 'forbidden', 'forbidden'],
      ['bookkeeper', 'AccountsOpened', 'forbidden'],
      ['owner', 'account_code_taken', 'MemberSet'],
    ] as const) {
      assert.equal(by(ann, set(bob, role)), 'MemberSet')
      assert.equal(by(bob, open()), writes)
      assert.equal(by(bob, set(bob, role)), rules)
    }
  })

  it('is as narrow for the items of a batch: beyond limits goes an owner only', () => {
    const id = 'c11e4700-0000-7000-8000-000000000001'
    const account = { type: 'asset', currency: 'EUR' } as const
    const transfers = [{ from: 'cash', to: 'bank', amount: '5' }]
    const items = [
      { open_account: { ...account, code: 'cash' } },
      { open_account: { ...account, code: 'bank', min_balance: '0' } },
      { record: { id, transfers } },
      { reverse: { transaction: id, force: true } },
    ]
    const apply = () => receivedOf(applyBatch, { items, atomic: true }, { nextId })
    for (const [role, result] of [
      ['analyst', 'forbidden'],
      ['bookkeeper', 'forbidden'],
      ['owner', 'BatchApplied'],
    ] as const) {
      by(ann, set(bob, role))
      const before = book.revision
      assert.equal(by(bob, apply()), result)
      assert.equal(book.revision > before, role === 'owner')
    }
  })

  it('ends with the membership', () => {
    by(ann, set(bob, 'bookkeeper'))
    assert.equal(by(ann, remove(bob)), 'MemberRemoved')
    assert.equal(by(bob, open()), 'book_not_found')
    assert.equal(by(ann, remove(bob)), 'member_not_found')
  })

  it('leaves one owner at least', () => {
    assert.equal(by(ann, remove(ann)), 'last_owner')
    assert.equal(by(ann, set(ann, 'analyst')), 'last_owner')
    by(ann, set(bob, 'owner'))
    assert.equal(by(ann, remove(ann)), 'MemberRemoved')
    assert.equal(by(bob, remove(bob)), 'last_owner')
  })

  it('leaves one owner at least, of two who leave in one group too', () => {
    by(ann, set(bob, 'owner'))
    const group = [bob, ann].map((user) => ({ ...remove(user), actor: user }))
    const outcomes = outcomesOf(decideGroup(book, group, factsFrom(book, group, []), 1_000))
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ['done', 'refused'],
    )
  })

  it('is refused without a trace, also under a key', () => {
    by(ann, set(bob, 'analyst'))
    const before = book.revision
    const group = [{ ...open('a key'), actor: bob, isAdmin: false }]
    const [outcome] = outcomesOf(decideGroup(book, group, factsFrom(book, group, []), 1_000))
    assert(outcome?.kind === 'refused')
    assert(!outcome.isReplay)
    assert.equal(by(bob, open('a key')), 'forbidden')
    assert.equal(book.revision, before)
  })
})
