import { accountTags, findAccount } from './find-account.ts'
import { query } from './query.ts'
import { type AccountResource, toAccount } from './resources.ts'

export const getAccount = query<{ account: string }, AccountResource>({
  name: 'account',
  tags: accountTags,
  run: async (reading, { account }) => ({
    data: toAccount(await findAccount(reading, account)),
    meta: {},
  }),
})
