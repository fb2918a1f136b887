import { statuses } from '../../src/api/statuses.ts'
import {
  atTheDoor,
  byItsMembers,
  byTheBook,
  byTheWriter,
  type RejectionCode,
  stateless,
} from '../../src/domain/rejection.ts'

const groups: [title: string, what: string, codes: Readonly<Record<string, string>>][] = [
  ['By the book', 'Decided from the command and the book alone.', byTheBook],
  ['By its members', 'Who may do what in a book.', byItsMembers],
  ['By its writer', 'No decision was reached, or none that is certain.', byTheWriter],
  ['At the door', 'Before a book is asked, or by those who read.', atTheDoor],
]

const row = ([code, message]: [string, string]): string => {
  const mark = stateless.has(code as RejectionCode) ? ' ¹' : ''
  return `| \`${code}\`${mark} | ${statuses[code as RejectionCode]} | ${message.replaceAll('|', '\\|')} |`
}

/** The page docs/rejections.md, made of the tables themselves. */
export const rejectionDocs = (): string => `# Rejections

Made by \`npm run document\` from \`src/domain/rejection.ts\` and \`src/api/statuses.ts\`: do not edit.

A request that is refused is answered \`{"error": {"code", "message", "details"}}\`. Codes are public and
never renamed; the message of an answer says more where there is more to say, and \`details\` holds what
it is about (\`path\` and \`reason\`, an account, a balance). Whatever has status 503 may be sent again
after \`Retry-After\` seconds, a write with the same Idempotency-Key.

¹ follows from the request alone: a key that gets it may be used again with a request that is mended.
${groups
  .map(
    ([title, what, codes]) => `
## ${title}

${what}

| code | status | says |
| --- | --- | --- |
${Object.entries(codes).map(row).join('\n')}
`,
  )
  .join('')}`
