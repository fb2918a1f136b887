import assert from 'node:assert/strict'
import { canonical } from '../../src/domain/chain.ts'

/** A double by its bits, as appendix B has them. */
const double = (hex: string): number => Buffer.from(hex, 'hex').readDoubleBE()

describe('canonical JSON', () => {
  it('is that of RFC 8785, sections 3.2.2 and 3.2.4', () => {
    const value: unknown = JSON.parse(String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`)
    const bytes =
      '7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a5b' +
      '3333333333333333332e333333333333332c31652b33302c342e352c302e3030322c31652d32375d2c' +
      '22737472696e67223a22e282ac245c75303030665c6e4127425c225c5c5c5c5c222f227d'
    assert.equal(Buffer.from(canonical(value)).toString('hex'), bytes)
  })

  it('sorts keys by UTF-16 code units, section 3.2.3', () => {
    const value: unknown = JSON.parse(String.raw`{
      "\u20ac": "Euro Sign",
      "\r": "Carriage Return",
      "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face",
      "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis"
    }`)
    assert.deepEqual(canonical(value).match(/"[A-Z][^"]*"/g), [
      '"Carriage Return"',
      '"One"',
      '"Control"',
      '"Latin Small Letter O With Diaeresis"',
      '"Euro Sign"',
      '"Emoji: Grinning Face"',
      '"Hebrew Letter Dalet With Dagesh"',
    ])
  })

  const numbers = {
    '0000000000000000': '0',
    '8000000000000000': '0',
    '0000000000000001': '5e-324',
    '8000000000000001': '-5e-324',
    '7fefffffffffffff': '1.7976931348623157e+308',
    ffefffffffffffff: '-1.7976931348623157e+308',
    '4340000000000000': '9007199254740992',
    c340000000000000: '-9007199254740992',
    '4430000000000000': '295147905179352830000',
    '44b52d02c7e14af5': '9.999999999999997e+22',
    '44b52d02c7e14af6': '1e+23',
    '44b52d02c7e14af7': '1.0000000000000001e+23',
    '444b1ae4d6e2ef4e': '999999999999999700000',
    '444b1ae4d6e2ef4f': '999999999999999900000',
    '444b1ae4d6e2ef50': '1e+21',
    '3eb0c6f7a0b5ed8c': '9.999999999999997e-7',
    '3eb0c6f7a0b5ed8d': '0.000001',
    '41b3de4355555553': '333333333.3333332',
    '41b3de4355555554': '333333333.33333325',
    '41b3de4355555555': '333333333.3333333',
    '41b3de4355555556': '333333333.3333334',
    '41b3de4355555557': '333333333.33333343',
    becbf647612f3696: '-0.0000033333333333333333',
    '43143ff3c1cb0959': '1424953923781206.2',
  }
  it('writes numbers as appendix B does', () => {
    for (const [hex, text] of Object.entries(numbers))
      assert.equal(canonical(double(hex)), text, hex)
  })

  it('has no form for what JSON does not know', () => {
    for (const value of [undefined, () => 1]) assert.throws(() => canonical(value))
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 1n]) {
      assert.throws(() => canonical(value))
      assert.throws(() => canonical({ nested: [value] }))
    }
  })

  it('takes a field without a value for none, as storing it does', () => {
    const value = { a: undefined, b: [undefined, 1], c: { d: undefined } }
    assert.equal(canonical(value), JSON.stringify(value))
  })

  it('sorts what a value says of itself too', () => {
    class Pair {
      toJSON() {
        return { c: 1, b: 2 }
      }
    }
    assert.equal(canonical({ a: new Pair() }), '{"a":{"b":2,"c":1}}')
  })

  it('does not depend on the order in which a value was put together', () => {
    const one = { b: [{ y: 1, x: 2 }], a: { d: 1, c: 2 } }
    const other = { a: { c: 2, d: 1 }, b: [{ x: 2, y: 1 }] }
    assert.equal(canonical(one), canonical(other))
    assert.equal(canonical(one), '{"a":{"c":2,"d":1},"b":[{"x":2,"y":1}]}')
  })
})
