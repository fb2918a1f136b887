import type { BrokenBuild } from '../faults/broken-builds.ts'

/** An account of an event of version 2 as it was in version 1, which is how the rest of Daybook has it. */
const flat =
  '(({ limits: { min, max }, ...it }) => ({ ...it, min_balance: min, max_balance: max }))'
const nested =
  '(({ min_balance, max_balance, ...it }) => ({ ...it, limits: { min: min_balance, max: max_balance } }))'

/**
 * A release to come that has its events otherwise, each with the one step from version 1 that a team
 * would write: a book's `time_zone` is its `zone`; an account's limits stand together in `limits`; a
 * batch's `items`, which are leaves, are its `outcomes`.
 */
export const nextEvents: BrokenBuild['patches'] = [
  {
    file: 'domain/events/book-opened.js',
    from: '{ version: 1, upcasts: {} }',
    to: '{ version: 2, upcasts: { 1: ({ time_zone, ...data }) => ({ ...data, zone: time_zone }) } }',
  },
  { file: 'domain/evolve.js', from: 'data.time_zone', to: 'data.zone' },
  {
    file: 'projections/ledger/ledger.js',
    from: `rows.put('book', { ...event.data, `,
    to: `const { zone: time_zone, ...data } = event.data; rows.put('book', { ...data, time_zone, `,
  },
  { file: 'commands/open-book.js', from: 'name, time_zone, cur', to: 'name, zone: time_zone, cur' },
  {
    file: 'api/answers.js',
    from: `{ data, metadata } = recordedAs(done, 'BookOpened');`,
    to: `{ data: { zone: time_zone, ...data }, metadata } = recordedAs(done, 'BookOpened');`,
  },
  {
    file: 'api/answers.js',
    from: '...data,\n        currencies',
    to: '...data, time_zone, currencies',
  },

  {
    file: 'domain/events/accounts-opened.js',
    from: '{ version: 1, upcasts: {} }',
    to: `{ version: 2, upcasts: { 1: ({ accounts }) => ({ accounts: accounts.map(${nested}) }) } }`,
  },
  {
    file: 'domain/evolve.js',
    from: `{ ...account, status: 'open' }`,
    to: `{ ...${flat}(account), status: 'open' }`,
  },
  {
    file: 'projections/ledger/ledger.js',
    from: `{ ...account, status: 'open' }`,
    to: `{ ...${flat}(account), status: 'open' }`,
  },
  {
    file: 'commands/account-definition.js',
    from: '{ ...opened,',
    to: `{ ...${flat}(opened),`,
  },
  {
    file: 'commands/open-accounts.js',
    from: 'accounts: opened }',
    to: `accounts: opened.map(${nested}) }`,
  },
  { file: 'api/answers.js', from: '({\n    ...account,', to: `({\n    ...${flat}(account),` },

  {
    file: 'domain/events/batch-applied.js',
    from: `version: 1,
    upcasts: {},
    leaves: ['items'],`,
    to: `version: 2,
    upcasts: { 1: ({ items, ...data }) => ({ ...data, outcomes: items }) },
    leaves: ['outcomes'],
    formerLeaves: { 1: ['items'] },`,
  },
  { file: 'commands/apply-batch.js', from: 'items: results', to: 'outcomes: results' },
  {
    file: 'api/answers.js',
    from: `{ items } = expect(done.event, 'BatchApplied')`,
    to: `{ outcomes: items } = expect(done.event, 'BatchApplied')`,
  },
]
