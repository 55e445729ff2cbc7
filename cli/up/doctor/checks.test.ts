import { expect, test } from 'vitest'
import { parseChecks } from './checks.ts'

test('each line is a level, a name and a sentence', () => {
  expect(
    parseChecks('ok\troot\trunning as root\nfail\tport\tport 80 is taken by nginx (process 3): stop it\n'),
  ).toEqual([
    { level: 'ok', name: 'root', text: 'running as root' },
    { level: 'fail', name: 'port', text: 'port 80 is taken by nginx (process 3): stop it' },
  ])
})

test('what a shell says in between is not a check', () => {
  expect(parseChecks('bash: warning\n\nmaybe\tx\ty\nok\tx\n')).toEqual([])
})
