import { isUtf8 } from 'node:buffer'
import { refuse } from '../domain/rejection.ts'

const maxDepth = 32
const banned = new Set(['__proto__', 'constructor', 'prototype'])

const malformed = (reason: string): never =>
  refuse('malformed_json', `The body cannot be read: ${reason}.`, [{ path: '', reason }])

/**
 * JSON without the surprises of `JSON.parse`: no deep nesting, no key twice in one object (the last
 * would win silently), no key that means something to JavaScript, and only text that every store
 * can hold (no U+0000, no half of a surrogate pair).
 */
export const parseStrictJson = (bytes: Buffer): unknown => {
  if (!isUtf8(bytes)) return malformed('it is not UTF-8')
  const keys = scan(bytes)
  const text = bytes.toString('utf8')
  const value = parse(text)
  // Most bodies have no escape at all, and then UTF-8 says all of their strings.
  if (text.includes('\\u')) checkStrings(value)
  // A key that stands twice is in the value once. Which it is takes a closer look.
  if (countKeys(value) !== keys) refuseRepeated(text)
  return value
}

/**
 * Walks over the tokens, and tells how many keys they give to objects. Whether they form JSON at all
 * is left to `JSON.parse`.
 */
const scan = (bytes: Buffer): number => {
  let depth = 0
  let keys = 0
  for (let at = 0; at < bytes.length; at++) {
    switch (bytes[at] as number) {
      case 0x22:
        at = endOfString(bytes, at)
        break
      case 0x3a:
        keys++
        break
      case 0x7b:
      case 0x5b:
        if (++depth > maxDepth) malformed(`it is nested more than ${maxDepth} levels deep`)
        break
      case 0x7d:
      case 0x5d:
        depth--
        break
    }
  }
  return keys
}

const endOfString = (bytes: Buffer, start: number): number => {
  let end = start + 1
  while (end < bytes.length && bytes[end] !== 0x22) end += bytes[end] === 0x5c ? 2 : 1
  return end
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (error) {
    return malformed((error as Error).message)
  }
}

/** The keys in all its objects, none of which may be a banned one. */
const countKeys = (value: unknown): number => {
  if (typeof value !== 'object' || value === null) return 0
  let count = 0
  if (Array.isArray(value)) {
    for (const item of value) count += countKeys(item)
    return count
  }
  for (const key in value) {
    if (banned.has(key)) malformed(`the key ${key} is not allowed`)
    count += 1 + countKeys((value as Readonly<Record<string, unknown>>)[key])
  }
  return count
}

const checkStrings = (value: unknown): void => {
  if (typeof value === 'string') {
    if (value.includes('\u0000')) malformed('a string holds the character U+0000')
    if (!value.isWellFormed()) malformed('a string holds half of a surrogate pair')
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      checkStrings(key)
      checkStrings(item)
    }
  }
}

/** Of JSON: its strings, and what gives it structure. */
const tokens = /"(?:[^"\\]|\\.)*"|[{}[\]:]/g

const refuseRepeated = (text: string): void => {
  /** By open object or array. */
  const open: Set<string>[] = []
  let string = ''
  for (const [token] of text.matchAll(tokens)) {
    if (token === '{' || token === '[') open.push(new Set())
    else if (token === '}' || token === ']') open.pop()
    else if (token !== ':') string = token
    else {
      const key: string = JSON.parse(string)
      if (open.at(-1)?.has(key)) malformed(`the key ${key} stands twice in one object`)
      open.at(-1)?.add(key)
    }
  }
}
