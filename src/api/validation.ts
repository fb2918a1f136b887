import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import type { Static, TSchema } from 'typebox'
import { isDateOrInstant, isDayInRange, isInstant } from '../domain/instant.ts'
import { refuse } from '../domain/rejection.ts'
import { isId } from '../queries/find-account.ts'

const ajv = new Ajv2020({ allErrors: false, strict: false, ownProperties: true, verbose: true })
formats.default(ajv)
ajv.addFormat('date-or-instant', isDateOrInstant)
ajv.addFormat('day', isDayInRange)
ajv.addFormat('instant', isInstant)
// The library's own also takes urn:uuid:..., which no column of that type does.
ajv.addFormat('uuid', isId)

/** A function that lets pass what fits the schema, and refuses the rest with path and reason. */
export const validator = <Schema extends TSchema>(
  schema: Schema,
  place: 'body' | 'query' | 'path',
): ((value: unknown) => Static<Schema>) => {
  // Compiled when it is first asked: all of them together are a sixth of what a start costs.
  let compiled: ValidateFunction | undefined
  return (value) => {
    const isValid = (compiled ??= ajv.compile(schema))
    return isValid(value) ? (value as Static<Schema>) : complain(isValid.errors ?? [], place)
  }
}

const complain = (errors: readonly ErrorObject[], place: string): never => {
  // Of a union's errors the deepest says most about what the caller meant.
  const error = errors.reduce((best, one) =>
    one.instancePath.length > best.instancePath.length ? one : best,
  )
  const { instancePath, keyword, params } = error
  if (isAmountAsNumber(error)) {
    const reason = 'Amounts are strings, e.g. "1250": a JSON number loses digits past 2^53.'
    return refuse('amount_not_a_string', reason, [{ path: instancePath, reason }])
  }
  if (keyword === 'additionalProperties') {
    const name = String(params['additionalProperty'])
    const path = `${instancePath}/${name}`
    if (instancePath.endsWith('/metadata') || name.startsWith('metadata[')) {
      return refuse('invalid_request', `${path}: ${ofKeys}`, [{ path, reason: ofKeys }])
    }
    if (place === 'query') {
      const reason = `${name} is not a parameter of this route. See /docs.`
      return refuse('unknown_parameter', reason, [{ path, reason }])
    }
    const reason = `${name} is not a field here. Leave it out.`
    return refuse('invalid_request', `${path}: ${reason}`, [{ path, reason }])
  }
  const allowed = errors.filter(
    (one) => one.keyword === 'const' && one.instancePath === instancePath,
  )
  const reason =
    allowed.length > 1
      ? `must be one of ${allowed.map(({ params }) => params['allowedValue']).join(', ')}`
      : reasonOf(error)
  const where = instancePath === '' ? `the ${place}` : instancePath
  return refuse('invalid_request', `${where}: ${reason}.`, [{ path: instancePath, reason }])
}

const isAmountAsNumber = ({ instancePath, keyword, params }: ErrorObject): boolean =>
  keyword === 'type' &&
  String(params['type']).includes('string') &&
  /\/(amount|min_balance|max_balance)$/.test(instancePath)

const formatNames: Record<string, string> = {
  day: 'a date (2024-02-29)',
  'date-or-instant': 'a date (2024-02-29) or an instant (2024-02-29T12:00:00.000Z)',
  instant: 'an instant (2024-02-29T12:00:00.000Z)',
  uuid: 'a UUID',
}

const ofKeys = 'A key of metadata has 1 to 64 of A-Z a-z 0-9 _ . : and -.'

const reasonOf = ({ keyword, params, message, parentSchema }: ErrorObject): string => {
  switch (keyword) {
    case 'required':
      return `${params['missingProperty']} is missing`
    case 'format':
      return `must be ${formatNames[params['format']] ?? `of the format ${params['format']}`}`
    case 'const':
      return `must be ${JSON.stringify(params['allowedValue'])}`
    case 'minProperties':
    case 'maxProperties': {
      const { limit } = params as { limit: number }
      const bound = keyword === 'minProperties' ? 'at least' : 'at most'
      return `must have ${bound} ${limit} ${limit === 1 ? 'field' : 'fields'}`
    }
    case 'pattern':
      return `must match ${params['pattern']}${meaningOf(parentSchema)}`
    case 'maximum':
      return `${message}${meaningOf(parentSchema)}`
    default:
      return message ?? 'is not valid'
  }
}

const meaningOf = (schema: ErrorObject['parentSchema']): string => {
  const { description } = schema as { description?: string }
  return description === undefined ? '' : ` (${description})`
}
