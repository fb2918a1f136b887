import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { commands } from '../../src/commands/index.ts'
import { openAccounts } from '../../src/commands/open-accounts.ts'
import type { Outcome, Received } from '../../src/commands/received.ts'
import { Rejected, type RejectionCode, reject } from '../../src/domain/rejection.ts'
import { freePort } from '../../src/local/ports.mjs'
import { type Fleet, joinFleet } from '../../src/runtime/fleet/join.ts'
import { connectCache } from '../../src/runtime/redis.ts'
import { type Link, openLink } from '../faults/proxy.ts'
import { idSource, receivedOf } from '../support/received.ts'
import { services } from '../support/services.ts'

const secret = 'a secret of at least thirty-two bytes'
const nextId = idSource()

const commandFor = (bookId: string, key: string | null = null): Received => {
  const accounts = [{ code: 'a', type: 'asset', currency: 'EUR' }] as const
  return { ...receivedOf(openAccounts, { accounts: [...accounts] }, { key, nextId }), bookId }
}

const until = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
  for (let attempt = 0; !(await isSo()); attempt++) {
    assert.ok(attempt < 1_000, 'it does not come to pass')
    await sleep(10)
  }
}

const outcomeOf = (received: Received, by: string): Outcome => ({
  kind: 'refused',
  rejection: reject('account_code_taken', `${by} says so to ${received.commandId}`),
  revision: 7,
  isReplay: false,
})

type Member = Fleet & {
  /** What it was asked to decide. */
  readonly decided: Received[]
  readonly results: string[]
  decide: (received: Received) => Promise<Outcome>
}

describe('API processes that share a book', () => {
  const open: { readonly fleet: Fleet; readonly redis: Redis }[] = []
  const links: Link[] = []
  let redisUrl = ''

  before(async () => {
    redisUrl = (await services()).cacheUrl
  })
  afterEach(async () => {
    for (const { fleet, redis } of open.splice(0)) {
      fleet.close()
      await fleet.leave(0)
      redis.disconnect()
    }
    for (const link of links.splice(0)) await link.close()
  })

  const join = async (
    name: string,
    {
      url = redisUrl,
      jwtSecret = secret,
      link,
    }: { url?: string; jwtSecret?: string; link?: Link } = {},
  ): Promise<Member> => {
    const redis = connectCache(url)
    redis.on('error', () => {})
    if (url === redisUrl) await redis.ping().catch(() => new Promise((r) => redis.once('ready', r)))
    const decided: Received[] = []
    const results: string[] = []
    const local = (received: Received) => {
      decided.push(received)
      return member.decide(received)
    }
    const fleet = await joinFleet({
      host: '127.0.0.1',
      peerPort: link ? link.target : 0,
      peerAddress: link ? `127.0.0.1:${link.port}` : null,
      jwtSecret,
      redis,
      local,
      forPeers: local,
      observe: (result) => results.push(result),
      warn: () => {},
    })
    const decide = async (received: Received) => outcomeOf(received, name)
    const member: Member = { ...fleet, decided, results, decide }
    open.push({ fleet, redis })
    return member
  }
  /** One that is reached over a link that can be broken. */
  const joinBehindLink = async (name: string): Promise<{ member: Member; link: Link }> => {
    const link = await openLink(name, await freePort())
    links.push(link)
    return { member: await join(name, { link }), link }
  }
  /** Gives commands until the last one came to this. */
  const untilLast = (one: Member, book: string, result: string): Promise<void> =>
    until(async () => {
      await one.submit(commandFor(book, randomUUID()))
      return one.results.at(-1) === result
    })
  const codeOf = (work: Promise<Outcome>): Promise<RejectionCode | 'decided'> =>
    work.then(
      () => 'decided',
      (error: unknown) => {
        assert(error instanceof Rejected)
        return error.rejection.code
      },
    )

  it('hand its commands to the one that took it first', async () => {
    const [a, b, c] = [await join('a'), await join('b'), await join('c')]
    const book = randomUUID()
    for (const one of [a, b, c, a, c, b]) {
      const sent = commandFor(book)
      assert.deepEqual(await one.submit(sent), outcomeOf(sent, 'a'))
    }
    assert.deepEqual(
      [a, b, c].map(({ decided }) => decided.length),
      [6, 0, 0],
    )
    assert.deepEqual(b.results, ['answered', 'answered'])
    const other = commandFor(randomUUID())
    assert.deepEqual(await b.submit(other), outcomeOf(other, 'b'))
  })

  it('hand it over whole, and get what the other made of it', async () => {
    const [a, b] = [await join('a'), await join('b')]
    const book = randomUUID()
    await a.submit(commandFor(book))
    const sent = commandFor(book, 'a key with ü and \n')
    await b.submit(sent)
    assert.deepEqual(a.decided.at(-1), sent)
    const event = { type: 'AccountsOpened', data: { accounts: [] } } as const
    const recorded = { ...event, id: randomUUID(), revision: 3, metadata: {} as never }
    for (const outcome of [
      { kind: 'done', event, recorded: null, revision: 3, isReplay: false },
      { kind: 'done', event, recorded, revision: 3, isReplay: true },
      { kind: 'done', event: recorded, recorded, revision: 3, isReplay: false },
    ] as const) {
      a.decide = async () => outcome
      assert.deepEqual(await b.submit(commandFor(book)), outcome)
    }
    a.decide = async () => {
      throw new Rejected(reject('write_contention', 'so many', [{ n: 1 }]))
    }
    const error = await b.submit(commandFor(book)).catch((thrown: unknown) => thrown)
    assert(error instanceof Rejected)
    assert.deepEqual(error.rejection, reject('write_contention', 'so many', [{ n: 1 }]))
    a.decide = async () => {
      throw new TypeError('a mistake')
    }
    await assert.rejects(b.submit(commandFor(book)), /a mistake/)
  })

  it('keep the order of what one hands to another', async () => {
    const [a, b] = [await join('a'), await join('b')]
    const book = randomUUID()
    await a.submit(commandFor(book))
    const sent = Array.from({ length: 500 }, () => commandFor(book))
    await Promise.all(sent.map((one) => b.submit(one)))
    const ids = (list: readonly Received[]) => list.map(({ commandId }) => commandId)
    assert.deepEqual(ids(a.decided.slice(1)), ids(sent))
  })

  it('decide themselves when the one that has it is gone, and the first of them takes it', async () => {
    const [{ member: a, link }, b, c] = [
      await joinBehindLink('a'),
      await join('b'),
      await join('c'),
    ]
    const book = randomUUID()
    await a.submit(commandFor(book))
    await b.submit(commandFor(book))
    link.set('cut')
    // What was on the way when the connection broke is none of this.
    await untilLast(b, book, 'taken_over')
    const sent = commandFor(book)
    assert.deepEqual(await b.submit(sent), outcomeOf(sent, 'b'))
    await untilLast(c, book, 'answered')
    const last = commandFor(book)
    assert.deepEqual(await c.submit(last), outcomeOf(last, 'b'))
  })

  it('decide what is keyed again under another id when its answer is lost', async () => {
    const [{ member: a, link }, b] = [await joinBehindLink('a'), await join('b')]
    const book = randomUUID()
    await a.submit(commandFor(book))
    a.decide = () => new Promise(() => link.set('cut'))
    const sent = commandFor(book, 'key')
    await b.submit(sent)
    const [again] = b.decided
    assert.ok(again)
    assert.notEqual(again.commandId, sent.commandId)
    assert.deepEqual({ ...again, commandId: sent.commandId }, sent)
    assert.deepEqual(b.results, ['lost', 'taken_over'])
  })

  it('do not know what became of what is not keyed when its answer is lost', async () => {
    const [{ member: a, link }, b] = [await joinBehindLink('a'), await join('b')]
    const book = randomUUID()
    await a.submit(commandFor(book))
    a.decide = () => new Promise(() => link.set('cut'))
    assert.equal(await codeOf(b.submit(commandFor(book))), 'outcome_unknown')
    assert.equal(b.decided.length, 0)
  })

  it('do not wait for one that is mute', async () => {
    const [{ member: a, link }, b] = [await joinBehindLink('a'), await join('b')]
    const book = randomUUID()
    await a.submit(commandFor(book))
    await b.submit(commandFor(book))
    link.set('hole')
    const sent = [commandFor(book, 'one'), commandFor(book), commandFor(book, 'two')]
    const codes = await Promise.all(sent.map((one) => codeOf(b.submit(one))))
    assert.deepEqual(codes, ['decided', 'outcome_unknown', 'decided'])
    assert.equal(b.decided.length, 2)
  })

  it('wait for one that only takes long', async () => {
    const [a, b] = [await join('a'), await join('b')]
    const book = randomUUID()
    await a.submit(commandFor(book))
    a.decide = (received) =>
      new Promise((resolve) => setTimeout(() => resolve(outcomeOf(received, 'a')), 3_000))
    const sent = commandFor(book)
    assert.deepEqual(await b.submit(sent), outcomeOf(sent, 'a'))
  }).timeout(10_000)

  it('leave one alone that cannot reach the store', async () => {
    const [a, b] = [await join('a'), await join('b')]
    const book = randomUUID()
    await a.submit(commandFor(book))
    a.decide = async () => {
      throw new Rejected(reject('store_unavailable'))
    }
    assert.equal(await codeOf(b.submit(commandFor(book))), 'store_unavailable')
    const sent = commandFor(book)
    assert.deepEqual(await b.submit(sent), outcomeOf(sent, 'b'))
  })

  it('part: what one has in hand is answered, and then it gets no more', async () => {
    const [a, b] = [await join('a'), await join('b')]
    const book = randomUUID()
    await a.submit(commandFor(book))
    let answer = () => {}
    const decideAtOnce = a.decide
    a.decide = (received) =>
      new Promise((resolve) => {
        answer = () => resolve(outcomeOf(received, 'a'))
      })
    const sent = commandFor(book)
    const inHand = b.submit(sent)
    await until(() => a.decided.length === 2)
    a.decide = decideAtOnce
    const left = a.leave(60_000)
    await until(() => {
      void b.submit(commandFor(book))
      return b.decided.length > 0
    })
    answer()
    assert.deepEqual(await inHand, outcomeOf(sent, 'a'))
    await left
  })

  it('do not talk to who does not know their secret', async () => {
    const [a, b] = [
      await join('a'),
      await join('b', { jwtSecret: 'another, of thirty-two bytes or so' }),
    ]
    const book = randomUUID()
    await a.submit(commandFor(book))
    const sent = commandFor(book)
    assert.deepEqual(await b.submit(sent), outcomeOf(sent, 'b'))
    assert.equal(a.decided.length, 1)
    assert.deepEqual(b.results, ['taken_over'])
  })

  it('all decide when Redis is away', async () => {
    const url = `redis://127.0.0.1:${await freePort()}`
    const [a, b] = [await join('a', { url }), await join('b', { url })]
    const book = randomUUID()
    for (const [one, name] of [
      [a, 'a'],
      [b, 'b'],
    ] as const) {
      const sent = commandFor(book)
      assert.deepEqual(await one.submit(sent), outcomeOf(sent, name))
    }
  })

  it('go on as they did when Redis was emptied', async () => {
    const [a, b] = [await join('a'), await join('b')]
    const book = randomUUID()
    await a.submit(commandFor(book))
    await b.submit(commandFor(book))
    const redis = new Redis(redisUrl)
    await redis.flushall()
    redis.disconnect()
    const sent = commandFor(book)
    assert.deepEqual(await b.submit(sent), outcomeOf(sent, 'a'))
  })

  it('know every command there is', async () => {
    const folder = new URL('../../src/commands/', import.meta.url)
    const found: string[] = []
    for (const file of readdirSync(folder).filter((name) => name.endsWith('.js'))) {
      const module: Record<string, unknown> = await import(new URL(file, folder).href)
      for (const value of Object.values(module)) {
        const { name, decide } = (value ?? {}) as { name?: unknown; decide?: unknown }
        if (typeof decide === 'function' && typeof name === 'string') found.push(name)
      }
    }
    assert.ok(found.length > 4)
    assert.deepEqual(commands.map(({ name }) => name).sort(), found.sort())
  })
})
