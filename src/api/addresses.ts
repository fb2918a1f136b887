import type { Context, Middleware } from 'koa'
import { LRUCache } from 'lru-cache'

/** The parameters in an address, checked, and who takes what is sent there. */
export type Address = { readonly path: unknown; readonly query: unknown }
type Known = {
  readonly address: Address
  readonly serve: (ctx: Context, it: Address) => Promise<void>
}

const maxLength = 512
const maxBytes = 4 * 1024 * 1024

/**
 * What an address means follows from it alone: which route it is, and its parameters once decoded
 * and checked. It is worked out by the router and the validators, and remembered, because most
 * requests go where others went before.
 */
export const rememberedAddresses = () => {
  const known = new LRUCache<string, Known>({
    maxSize: maxBytes,
    sizeCalculation: (_, key) => 4 * key.length,
  })
  const keyOf = ({ req }: Context) => `${req.method} ${req.url}`
  const recall: Middleware = (ctx, next) => {
    const found = known.get(keyOf(ctx))
    return found ? found.serve(ctx, found.address) : next()
  }
  return {
    recall,
    remember: (ctx: Context, address: Address, serve: Known['serve']): void => {
      Object.freeze(address.path)
      Object.freeze(address.query)
      const key = keyOf(ctx)
      if (key.length <= maxLength) known.set(key, { address, serve })
    },
  }
}
export type Addresses = ReturnType<typeof rememberedAddresses>
