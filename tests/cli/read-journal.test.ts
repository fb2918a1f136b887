import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readJournal } from '../../src/cli/import.ts'
import { UserError } from '../../src/cli/report-failure.ts'
import { testDirectory } from '../support/services.ts'

const header = 'txn,date,account,amount,ccy'

describe('a journal that cannot be read', () => {
  const wrong: [what: string, file: string, text: string | null, says: RegExp][] = [
    ['a file that is not there', 'none.csv', null, /none\.csv is not there or cannot be read/],
    ['a file of another kind', 'a.pdf', '', /only \.csv, \.ndjson and \.jsonl are read/],
    [
      'a column that is missing',
      'a.csv',
      'txn,date,account,amount\n1,2024-01-01,Assets:A,1\n',
      /has no column ccy\. The columns are/,
    ],
    [
      'an amount that is none',
      'b.csv',
      `${header}\n1,2024-01-01,Assets:A,1x,EUR\n`,
      /line 2: "1x" is no decimal number/,
    ],
    [
      'too many digits',
      'c.csv',
      `${header}\n1,2024-01-01,Assets:A,1.005,EUR\n`,
      /line 2: 1\.005 has more than 2 digits after the point/,
    ],
    [
      'a currency that nobody knows',
      'd.csv',
      `${header}\n1,2024-01-01,Assets:A,1,XQX\n`,
      /line 2: ISO 4217 does not know the currency XQX.*--currency XQX:2/,
    ],
    [
      'an account of no type',
      'e.csv',
      `${header}\n1,2024-01-01,Cash,1,EUR\n`,
      /line 2: account "Cash" must begin with Assets/,
    ],
    [
      'a type that there is not',
      'n.csv',
      `${header},type\n1,2024-01-01,Assets:A,1,EUR,money\n`,
      /line 2: "money" is no type of account: write asset, liability/,
    ],
    [
      'a column that means nothing',
      'o.csv',
      `${header},memo\n1,2024-01-01,Assets:A,1,EUR,lunch\n`,
      /the column memo means nothing\. To keep it, name it metadata\.memo; else leave it out/,
    ],
    [
      'a day that there is not',
      'k.csv',
      `${header}\n1,2024-02-30,Assets:A,1,EUR\n`,
      /line 2: "2024-02-30" is no date/,
    ],
    [
      'a name that is no code',
      'l.csv',
      `${header}\n1,2024-02-29,Assets:My Bank,1,EUR\n`,
      /line 2: account "Assets:My Bank" .*A-Z a-z 0-9/,
    ],
    [
      'a row that is too short',
      'm.csv',
      `${header}\n1,2024-02-29,Assets:A\n`,
      /m\.csv is not readable as CSV: .*line 2/,
    ],
    ['a line that is not JSON', 'f.ndjson', '{"type":', /line 1: this is not JSON/],
    ['a line of another kind', 'g.ndjson', '{"type":"x"}', /line 1: each line is/],
    ['a line without its account', 'p.ndjson', '{"type":"account"}', /has "account":\{\.\.\.\}/],
    [
      'a line without the code of its account',
      'q.ndjson',
      '{"type":"freeze_account","account":7}',
      /line 1: a line of type freeze_account has "account":"\.\.\."/,
    ],
    ['a book that comes too late', 'r.ndjson', '\n{"type":"book"}', /line 2: .* is the first one/],
    ['a line that is not an object', 'h.ndjson', 'null', /line 1: each line is/],
    ['an empty file', 'i.csv', '', /i\.csv has no rows/],
    ['a packed file that is not packed', 'j.csv.gz', 'plain', /j\.csv\.gz/],
  ]
  for (const [what, file, text, says] of wrong) {
    it(`is told of: ${what}`, async () => {
      const path = join(testDirectory('journal'), file)
      if (text !== null) writeFileSync(path, text)
      await assert.rejects(
        async () => readJournal(path, []),
        (error: Error) => {
          assert.ok(error instanceof UserError, error.stack)
          assert.match(error.message, says)
          return true
        },
      )
    })
  }
})
