import { accountTag } from './account-tag.ts'
import { accountTags, findAccount } from './find-account.ts'
import { query } from './query.ts'
import { type AccountResource, toAccount } from './resources.ts'

export const getAccount = query<{ account: string }, AccountResource>({
  name: 'account',
  tags: accountTags,
  isOneStatement: () => true,
  run: async (reading, { account }) => {
    const row = await findAccount(reading, account)
    const data = toAccount(row)
    return { data, meta: {}, etag: accountTag(data, row.next_maturity) }
  },
})
