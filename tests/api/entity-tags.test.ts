import assert from 'node:assert/strict'
import { openAccounts, openBook, type TestBook, transfer } from '../support/book.ts'
import { daybook } from '../support/daybook.ts'
import { type Answer, revisionOf } from '../support/rest.ts'

describe('what is read', () => {
  let book: TestBook
  let transaction: string

  before(async () => {
    book = await openBook((await daybook()).rest)
    await openAccounts(book, ['asset:cash', 'equity:capital'])
    const paid = transfer('equity:capital', 'asset:cash', 5)
    transaction = (await book.post<{ id: string }>('/transactions', paid)).data.id
  })

  const tagOf = ({ headers, text }: Answer): string => {
    const tag = headers.get('etag') ?? ''
    assert.match(tag, /^"[\w-]+"$/, text)
    return tag
  }
  const seen = () => ({ 'daybook-min-revision': String(book.revision) })
  const ask = (path: string, known: string) =>
    book.rest.get(path, { ...seen(), 'if-none-match': known })

  it('is not sent again to who has it: 304, on every kind of read', async () => {
    const paths = [
      ['', '/accounts', '/accounts/asset:cash', '/accounts/asset:cash/entries'],
      ['/accounts/asset:cash/balance', '/transactions', `/transactions/${transaction}`],
      ['/reports/trial-balance', '/members', '/events'],
    ].flat()
    const { data } = await book.get<{ name: string }>('')
    for (const path of [
      `/v1/books?name=${data.name}`,
      ...paths.map((below) => `${book.path}${below}`),
    ]) {
      const first = await book.rest.get(path, seen())
      const tag = tagOf(first)
      for (const known of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
        const again = await ask(path, known)
        assert.equal(again.status, 304, `${path} ${known}`)
        assert.equal(again.text, '')
        assert.equal(tagOf(again), tag)
        const isOfBook = first.headers.has('daybook-revision')
        if (isOfBook) assert.equal(revisionOf(again), revisionOf(first))
      }
      const whole = await ask(path, `"x${tag.slice(1)}`)
      assert.equal(whole.status, 200, path)
      assert.equal(whole.text, first.text)
    }
  })

  it('has another tag once it has changed', async () => {
    const paths = ['/accounts/asset:cash', '/accounts', '/transactions', '/reports/trial-balance']
    const before = await Promise.all(paths.map((path) => book.get(path)))
    await book.post('/transactions', transfer('equity:capital', 'asset:cash', 7))
    for (const [index, path] of paths.entries()) {
      const answer = await ask(`${book.path}${path}`, tagOf(before[index] as Answer))
      assert.equal(answer.status, 200, path)
    }
  })

  it('keeps its tag though something else has changed', async () => {
    const answer = await book.get('/accounts/asset:cash')
    await openAccounts(book, ['income:sales', 'asset:bank'])
    await book.post('/transactions', transfer('income:sales', 'asset:bank', 7))
    const again = await ask(`${book.path}/accounts/asset:cash`, tagOf(answer))
    assert.equal(again.status, 304)
    assert.equal(revisionOf(again), book.revision)
  })

  it('is an account at a version, and while an increase is to come, until then', async () => {
    assert.match(tagOf(await book.get('/accounts/asset:cash')), /^"\d+-\d+"$/)
    const due = Date.now() + 3_600_000
    const effective_at = new Date(due).toISOString()
    const paid = { ...transfer('equity:capital', 'asset:cash', 5), effective_at }
    await book.post('/transactions', paid)
    const tag = tagOf(await book.get('/accounts/asset:cash'))
    assert.match(tag, new RegExp(`^"\\d+-\\d+-${due}"$`))
    const changed = await book.write(
      'PATCH',
      '/accounts/asset:cash',
      { name: 'Cash' },
      { 'if-match': tag },
    )
    assert.equal(changed.status, 200, changed.text)
  })
})
