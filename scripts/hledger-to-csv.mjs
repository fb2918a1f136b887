import { text } from 'node:stream/consumers'
import { parse } from 'csv-parse/sync'

// hledger -f main.ledger print -O csv | node scripts/hledger-to-csv.mjs '$=USD' > journal.csv
//
// Makes of hledger's CSV what `daybook import` reads. Names of accounts get hyphens for spaces, what
// is all zeros is left out, and comments become metadata: `Receipt: a.pdf` is metadata.receipt, and
// lines that have no such form are metadata.note.

process.stdout.on('error', ({ code, message }) => {
  // Whoever reads this may have had enough, as `head` may.
  if (code !== 'EPIPE') throw new Error(message)
  process.exit(0)
})

const columns = ['txn', 'date', 'desc', 'account', 'amount', 'ccy']
const currencies = new Map(process.argv.slice(2).map((pair) => pair.split('=')))

const transactions = new Map()
for (const row of parse(await text(process.stdin), { columns: true })) {
  const rows = transactions.get(row.txnidx) ?? []
  transactions.set(row.txnidx, [...rows, row])
}
const booked = [...transactions.values()].filter((rows) => rows.some(isMoved))
const metadata = booked.map(metadataOf)
const keys = [...new Set(metadata.flatMap((one) => [...one.keys()]))]

print([...columns, ...keys.map((key) => `metadata.${key}`)])
for (const [place, rows] of booked.entries()) {
  const details = keys.map((key) => [...(metadata[place].get(key) ?? [])].join('; '))
  for (const { txnidx, date, description, account, amount, commodity } of rows) {
    const code = account.replaceAll(' ', '-')
    const currency = currencies.get(commodity) ?? commodity
    print([txnidx, date, description, code, amount, currency, ...details])
  }
}

function isMoved({ amount }) {
  return Number(amount) !== 0
}

/** What the comments of a transaction and of its entries say, each thing once. */
function metadataOf(rows) {
  const found = new Map()
  for (const line of rows
    .flatMap((row) => [row.comment, row['posting-comment']])
    .join('\n')
    .split('\n')) {
    if (line.trim() === '') continue
    const [, name, value] = /^([A-Za-z]+): (.+)$/.exec(line.trim()) ?? [null, 'note', line.trim()]
    const key = name.toLowerCase()
    found.set(key, (found.get(key) ?? new Set()).add(value))
  }
  return found
}

function print(fields) {
  const written = fields.map((field) =>
    /[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field,
  )
  process.stdout.write(`${written.join(',')}\n`)
}
