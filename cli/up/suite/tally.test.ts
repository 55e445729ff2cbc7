import { expect, test } from 'vitest'
import { closingLine, failedTally, goTally, sumOf, vitestTally } from './tally.ts'

const lines = (...events: object[]): string => events.map((event) => JSON.stringify(event)).join('\n')

test('tests of Go with parts are counted by their parts', () => {
  const tally = goTally(
    lines(
      { Action: 'pass', Package: 'p', Test: 'TestA/one' },
      { Action: 'fail', Package: 'p', Test: 'TestA/two' },
      { Action: 'fail', Package: 'p', Test: 'TestA' },
      { Action: 'pass', Package: 'p', Test: 'TestB' },
      { Action: 'output', Package: 'p', Test: 'TestC', Output: '    a_test.go:7: needs root\n' },
      { Action: 'skip', Package: 'p', Test: 'TestC' },
      { Action: 'fail', Package: 'p' },
    ),
  )
  expect(tally).toMatchObject({ passed: 2, failed: 1, skipped: 1, skips: ['p TestC: needs root'] })
  expect(tally.failures.map(({ name }) => name)).toEqual(['p TestA/two'])
})

test('a Go package that does not build is one failure, whatever else is printed', () => {
  const output = `# p\nx.go:1: syntax error\n${lines({ Action: 'fail', Package: 'p' }, { Action: 'skip', Package: 'q' })}`
  expect(goTally(output)).toMatchObject({ passed: 0, failed: 1, skipped: 0 })
})

test('tests of vitest are counted, and a file that cannot be loaded is one failure', () => {
  const report = {
    testResults: [
      {
        name: '/c/a.test.ts',
        status: 'failed',
        assertionResults: [
          { status: 'passed', fullName: 'x' },
          { status: 'failed', fullName: 'y', failureMessages: ['expected 1'] },
          { status: 'pending', fullName: 'z' },
          { status: 'todo', fullName: 'w' },
        ],
      },
      { name: '/c/b.test.ts', status: 'failed', message: 'SyntaxError', assertionResults: [] },
    ],
  }
  const tally = vitestTally(JSON.stringify(report), '/c')
  expect(tally).toMatchObject({ passed: 1, failed: 2, skipped: 2, skips: ['a.test.ts: z', 'a.test.ts: w'] })
  expect(tally.failures).toEqual([
    { name: 'a.test.ts: y', message: 'expected 1' },
    { name: 'b.test.ts', message: 'SyntaxError' },
  ])
})

test('the closing line sums all runners', () => {
  const sum = sumOf([
    goTally(lines({ Action: 'pass', Package: 'p', Test: 'T' })),
    failedTally('check tsc', 'no'),
  ])
  expect(closingLine(sum)).toBe('1 passed, 1 failed, 0 skipped')
})
