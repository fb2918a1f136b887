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
  const text = bytes.toString('utf8')
  scan(text)
  try {
    return JSON.parse(text)
  } catch (error) {
    return malformed((error as Error).message)
  }
}

/** The keys seen in an object: few in a list, because a set costs more than comparing a few. */
type Keys = string[] | Set<string>
const few = 16

/** Walks over the tokens. Whether they form JSON at all is left to `JSON.parse`. */
const scan = (text: string): void => {
  /** By open object; null for an array. */
  const open: (Keys | null)[] = []
  // Most bodies have no escape at all, and then no string needs a look but the keys.
  const hasEscapes = text.includes('\\u')
  /** Of the last string, with its quotes. */
  let start = 0
  let end = 0
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22:
        start = at
        end = endOfString(text, start) + 1
        if (hasEscapes) checkEscapes(text.slice(start, end))
        at = end - 1
        break
      case 0x3a:
        addKey(open, text.slice(start, end))
        break
      case 0x7b:
        open.push([])
        break
      case 0x5b:
        open.push(null)
        break
      case 0x7d:
      case 0x5d:
        open.pop()
        break
    }
    if (open.length > maxDepth) malformed(`it is nested more than ${maxDepth} levels deep`)
  }
}

const endOfString = (text: string, start: number): number => {
  let end = text.indexOf('"', start + 1)
  while (end > 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end < 0 ? text.length : end
}

const isEscaped = (text: string, at: number): boolean => {
  let backslashes = 0
  while (text.charCodeAt(at - 1 - backslashes) === 0x5c) backslashes++
  return backslashes % 2 === 1
}

const decode = (string: string): string => {
  try {
    return JSON.parse(string)
  } catch {
    return malformed('a string has a broken escape')
  }
}

const checkEscapes = (string: string): void => {
  if (!string.includes('\\u')) return
  const text = decode(string)
  if (text.includes('\u0000')) malformed('a string holds the character U+0000')
  if (!text.isWellFormed()) malformed('a string holds half of a surrogate pair')
}

const addKey = (open: (Keys | null)[], string: string): void => {
  const keys = open.at(-1)
  if (!keys) return
  const key = string.includes('\\') ? decode(string) : string.slice(1, -1)
  if (banned.has(key)) malformed(`the key ${key} is not allowed`)
  const isList = Array.isArray(keys)
  if (isList ? keys.includes(key) : keys.has(key)) {
    malformed(`the key ${key} stands twice in one object`)
  }
  if (!isList) keys.add(key)
  else if (keys.push(key) === few) open[open.length - 1] = new Set(keys)
}
