import assert from 'node:assert/strict'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { isDateOrInstant } from '../../src/domain/instant.ts'
import type { Answer } from './rest.ts'

type Schema = Readonly<Record<string, unknown>>
type Operation = {
  readonly operationId: string
  readonly summary: string
  readonly parameters: readonly {
    readonly name: string
    readonly description?: string
    readonly schema: Schema
  }[]
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>
  >
}
export type OpenApi = {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: unknown
}

export type Documented = {
  /** Fails unless the document declares this answer, down to the last field of its data. */
  readonly check: (method: string, path: string, answer: Answer) => void
  /** What was checked so far, as `get /v1/books 200`. */
  readonly seen: ReadonlySet<string>
}

export const documentedBy = (document: OpenApi): Documented => {
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  formats.default(ajv)
  ajv.addFormat('date-or-instant', isDateOrInstant)
  ajv.addSchema({ $id: 'openapi', components: document.components })
  const compiled = new Map<string, ValidateFunction>()
  const seen = new Set<string>()
  const addresses = Object.keys(document.paths).map((address) => {
    const pattern = address.replaceAll(/\{\w+\}/g, '[^/]+')
    return { address, pattern: new RegExp(`^${pattern}$`), parameters: address.split('{').length }
  })
  // An address without parameters goes before one that it also fits.
  addresses.sort((a, b) => a.parameters - b.parameters)

  return {
    seen,
    check: (method, path, answer) => {
      const plain = path.split('?')[0] ?? ''
      const verb = method.toLowerCase()
      const found = addresses.find(
        ({ address, pattern }) => pattern.test(plain) && document.paths[address]?.[verb],
      )
      assert.ok(found, `${method} ${plain} is not in the document`)
      const operation = document.paths[found.address]?.[verb] as Operation
      const name = `${verb} ${found.address} ${answer.status}`
      const response = operation.responses[answer.status]
      assert.ok(response, `${name} is not in the document: ${answer.text}`)
      seen.add(name)
      // Of a stream only its being promised can be seen here.
      if (response.content?.['text/event-stream']) return
      const schema = response.content?.['application/json']?.schema
      if (schema === undefined) {
        assert.equal(answer.text, '', name)
        return
      }
      const isValid = compiled.get(name) ?? ajv.compile(strict(schema) as Schema)
      compiled.set(name, isValid)
      const body: unknown = JSON.parse(answer.text)
      assert.ok(isValid(body), `${name}: ${ajv.errorsText(isValid.errors)}\n${answer.text}`)
    },
  }
}

/** The schema without room for fields that it does not name, where it names any. */
const strict = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(strict)
  if (typeof schema !== 'object' || schema === null) return schema
  const copy = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, strict(value)]),
  )
  if (typeof copy['$ref'] === 'string') copy['$ref'] = `openapi${copy['$ref']}`
  const { properties, additionalProperties } = copy as { properties?: object } & Schema
  const isOpen = additionalProperties === undefined && properties !== undefined
  if (isOpen && Object.keys(properties).length > 0) copy['additionalProperties'] = false
  return copy
}
