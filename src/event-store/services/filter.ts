import { createContext, Script } from 'node:vm'
import { Fields } from '../../protobuf.ts'
import { CallError, Status } from '../grpc/status.ts'
import type { PlacedEvent } from '../log/section.ts'
import { typeOf } from '../store/recorded-event.ts'
import { displayName } from './identifiers.ts'

export type Filter = {
  matches(event: PlacedEvent): boolean
  /** A checkpoint is due after so many considered events. */
  checkpointEvery: number
}

const DEFAULT_WINDOW = 32
const MAX_REGEX = 2048
const REGEX_TIMEOUT_MS = 100
const REMEMBERED = 10_000

/** Decodes ReadReq.Options.FilterOptions. */
export function decodeFilter(message: Buffer): Filter {
  const fields = new Fields(message)
  let on: 'stream' | 'type' = 'stream'
  let expression: (text: string) => boolean = () => true
  let window = DEFAULT_WINDOW
  let multiplier = 1
  while (fields.next()) {
    if (fields.number === 1 || fields.number === 2) {
      on = fields.number === 1 ? 'stream' : 'type'
      expression = decodeExpression(fields.bytes())
    } else if (fields.number === 3) window = fields.uint() || DEFAULT_WINDOW
    else if (fields.number === 5) multiplier = fields.uint()
  }
  const test = remembered(expression)
  return {
    matches: (event) => test(on === 'stream' ? displayName(event.stream) : typeOf(event.event)),
    checkpointEvery: Math.max(1, window * multiplier),
  }
}

function decodeExpression(message: Buffer): (text: string) => boolean {
  const fields = new Fields(message)
  const prefixes: string[] = []
  let regex = ''
  while (fields.next()) {
    if (fields.number === 1) regex = fields.string()
    else if (fields.number === 2) prefixes.push(fields.string())
  }
  if (regex !== '') return guardedRegex(regex)
  return (text) => prefixes.some((prefix) => text.startsWith(prefix))
}

/** A client's regex, stopped when it backtracks for ever: it must not stop the server. */
function guardedRegex(source: string): (text: string) => boolean {
  const invalid = (why: string) => new CallError(Status.INVALID_ARGUMENT, `filter: ${why}`)
  if (source.length > MAX_REGEX) throw invalid(`a regex has at most ${MAX_REGEX} characters`)
  const context: { regex: RegExp | undefined; text: string } = { regex: undefined, text: '' }
  try {
    context.regex = new RegExp(source)
  } catch {
    throw invalid('this is not a regex')
  }
  createContext(context)
  const script = new Script('regex.test(text)')
  return (text) => {
    context.text = text
    try {
      return script.runInContext(context, { timeout: REGEX_TIMEOUT_MS }) === true
    } catch {
      throw invalid(`the regex took longer than ${REGEX_TIMEOUT_MS} ms`)
    }
  }
}

/** There are far fewer streams and types than events, so each is tested once. */
function remembered(test: (text: string) => boolean): (text: string) => boolean {
  const known = new Map<string, boolean>()
  return (text) => {
    const before = known.get(text)
    if (before !== undefined) return before
    if (known.size >= REMEMBERED) known.clear()
    const result = test(text)
    known.set(text, result)
    return result
  }
}
