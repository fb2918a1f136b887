import { setImmediate } from 'node:timers/promises'

/**
 * To be awaited before a call is cancelled. What runs because of something that came in over HTTP/2
 * still runs inside of Node's session, where a stream that the other side has reset may be gone and
 * not yet closed: the next that is closed then writes empty frames for it, without an end, until
 * memory is used up.
 */
export const outsideOfHttp2 = (): Promise<void> => setImmediate()
