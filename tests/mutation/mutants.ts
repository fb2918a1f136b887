import ts from 'typescript'

/** A small change of the code that a test should notice. */
export type Mutant = {
  readonly id: number
  readonly file: string
  /** In the compiled file, from 0. */
  readonly line: number
  readonly column: number
  readonly from: string
  readonly to: string
}

const operators: Readonly<Record<string, readonly string[]>> = {
  '+': ['-'],
  '-': ['+'],
  '*': ['/'],
  '/': ['*'],
  '%': ['*'],
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '===': ['!=='],
  '!==': ['==='],
  '&&': ['||'],
  '||': ['&&'],
  '??': ['&&'],
}

/** Methods that stand for each other, and those whose call is left out. */
const methods: ReadonlyMap<string, string | null> = new Map(
  Object.entries({
    some: 'every',
    every: 'some',
    startsWith: 'endsWith',
    endsWith: 'startsWith',
    min: 'max',
    max: 'min',
    filter: null,
    slice: null,
    sort: null,
    reverse: null,
    toLowerCase: null,
  }),
)

/** What is only logged is for people too. */
const isLogging = (node: ts.Node): boolean =>
  ts.isExpressionStatement(node) &&
  ts.isCallExpression(node.expression) &&
  ts.isIdentifier(node.expression.expression) &&
  node.expression.expression.text === 'warn'

/**
 * Puts all mutants of a compiled file into it at once: each acts only where `__mutant(id)` says so
 * (mutant schemata: Untch, Offutt, Harrold, 1993). Texts are not mutated: they are for people.
 * @param firstId of the mutants' ids, which count up
 */
export const withMutants = (
  file: string,
  text: string,
  firstId: number,
): { readonly code: string; readonly mutants: readonly Mutant[] } => {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS)
  const mutants: Mutant[] = []
  const raw = (node: ts.Node): string => node.getText(source)

  const add = (node: ts.Node, to: string): number => {
    const { line, character: column } = source.getLineAndCharacterOfPosition(node.getStart(source))
    const id = firstId + mutants.length
    mutants.push({ id, file, line, column, from: brief(raw(node)), to: brief(to) })
    return id
  }

  /** The node's text with the mutants of all that is in it. */
  const inner = (node: ts.Node): string => {
    let code = ''
    let end = node.getStart(source)
    node.forEachChild((child) => {
      const start = child.getStart(source)
      code += text.slice(end, start) + render(child)
      end = child.getEnd()
    })
    return code + text.slice(end, node.getEnd())
  }

  const render = (node: ts.Node): string => {
    if (isLogging(node)) return raw(node)
    if (ts.isBlock(node) && isBodyOf(node.parent, node)) return body(node)
    if (ts.isExpressionStatement(node) || ts.isThrowStatement(node)) {
      // In a block of its own, or an `else` after it would be its.
      return `{ if (!__mutant(${add(node, '(left out)')})) { ${inner(node)} } }`
    }
    const variants = variantsOf(node, raw)
    if (variants.length === 0) return inner(node)
    const choices = variants.map((to) => `__mutant(${add(node, to)}) ? (${to}) : `).join('')
    return `(${choices}(${inner(node)}))`
  }

  const body = (node: ts.Block): string => {
    if (node.statements.length === 0) return inner(node)
    const id = add(node, '{}')
    return `{ if (__mutant(${id})) return; ${inner(node).slice(1)}`
  }

  return { code: inner(source), mutants }
}

const isBodyOf = (parent: ts.Node, block: ts.Block): boolean =>
  (ts.isFunctionDeclaration(parent) ||
    ts.isFunctionExpression(parent) ||
    ts.isArrowFunction(parent) ||
    ts.isMethodDeclaration(parent)) &&
  parent.body === block

const variantsOf = (node: ts.Node, raw: (node: ts.Node) => string): readonly string[] => {
  const condition = isCondition(node) ? ['true', 'false'] : []
  if (ts.isBinaryExpression(node)) {
    const others = operators[node.operatorToken.getText()] ?? []
    const [left, right] = [raw(node.left), raw(node.right)]
    return [...condition, ...others.map((other) => `(${left}) ${other} (${right})`)]
  }
  if (ts.isPrefixUnaryExpression(node)) {
    const isSign = node.operator === ts.SyntaxKind.MinusToken
    const isNot = node.operator === ts.SyntaxKind.ExclamationToken
    return [...condition, ...(isSign || isNot ? [raw(node.operand)] : [])]
  }
  if (node.kind === ts.SyntaxKind.TrueKeyword) return ['false']
  if (node.kind === ts.SyntaxKind.FalseKeyword) return ['true']
  if (ts.isArrayLiteralExpression(node)) return isValue(node) ? ['[]'] : []
  if (ts.isObjectLiteralExpression(node)) return isValue(node) ? ['{}'] : []
  if (ts.isCallExpression(node)) return [...condition, ...callVariants(node, raw)]
  return condition
}

const isCondition = (node: ts.Node): boolean => {
  const { parent } = node
  return (
    (ts.isIfStatement(parent) && parent.expression === node) ||
    (ts.isConditionalExpression(parent) && parent.condition === node)
  )
}

/** Not a pattern, and not empty as it is. */
const isValue = (node: ts.ArrayLiteralExpression | ts.ObjectLiteralExpression): boolean => {
  const { parent } = node
  const isTarget =
    (ts.isBinaryExpression(parent) && parent.left === node) || ts.isForOfStatement(parent)
  const parts = ts.isArrayLiteralExpression(node) ? node.elements : node.properties
  return !isTarget && parts.length > 0
}

const callVariants = (node: ts.CallExpression, raw: (node: ts.Node) => string): string[] => {
  const { expression } = node
  if (!ts.isPropertyAccessExpression(expression) || ts.isOptionalChain(node)) return []
  const other = methods.get(expression.name.text)
  if (other === undefined) return []
  const object = raw(expression.expression)
  if (other === null) return [object]
  return [`${object}.${other}(${node.arguments.map(raw).join(', ')})`]
}

const brief = (text: string): string => {
  const line = text.replaceAll(/\s+/g, ' ')
  return line.length > 80 ? `${line.slice(0, 77)}...` : line
}
