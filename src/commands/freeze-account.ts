import Type from 'typebox'
import { reject } from '../domain/rejection.ts'
import { AccountTarget, mentionsOf, redefine } from './account-definition.ts'
import { command } from './command.ts'

/** Lets an account take no entries until it is unfrozen. */
export const freezeAccount = command({
  name: 'FreezeAccount',
  data: Type.Object({ target: AccountTarget }),
  roles: ['owner', 'bookkeeper'],
  idsFor: () => 0,
  mentions: ({ target }, book) => mentionsOf(target, book),

  decide: ({ target }, book, circumstances) =>
    redefine(target, book, circumstances, (definition, { code, status }) =>
      status === 'frozen'
        ? reject('account_frozen', `Account ${code} is frozen already.`)
        : { type: 'AccountFrozen', data: { account: { ...definition, status: 'frozen' } } },
    ),
})

/** Lets a frozen account take entries again. */
export const unfreezeAccount = command({
  name: 'UnfreezeAccount',
  data: Type.Object({ target: AccountTarget }),
  roles: ['owner', 'bookkeeper'],
  idsFor: () => 0,
  mentions: ({ target }, book) => mentionsOf(target, book),

  decide: ({ target }, book, circumstances) =>
    redefine(target, book, circumstances, (definition, { code, status }) =>
      status === 'frozen'
        ? { type: 'AccountUnfrozen', data: { account: { ...definition, status: 'open' } } }
        : reject('account_not_frozen', `Account ${code} is not frozen.`),
    ),
})
