// Runs the Python suites once and reports each of their tests as one of ours.

import { readFileSync } from 'node:fs'
import path from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { run } from '@pandastack/kit/process/run.ts'
import { clients } from './clients.ts'

const here = import.meta.dirname
const suites = ['suite', 'suite_forks']
const suiteDeadlineMs = 900_000

/** Every `module.class.method`, read from the text of the suites, so that a test that never ran is missed. */
const declared = suites.flatMap((suite) => {
  let current = ''
  return readFileSync(path.join(here, `${suite}.py`), 'utf8')
    .split('\n')
    .flatMap((line) => {
      current = /^class (\w+)/.exec(line)?.[1] ?? current
      const method = /^ {4}def (test_\w+)/.exec(line)?.[1]
      return method ? [`${suite}.${current}.${method}`] : []
    })
})

const outcomes = new Map<string, string>()
let output = ''

beforeAll(async () => {
  const found = await clients()
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: found.home,
    PYTHONPATH: found.pythonPath,
    PYTHONUNBUFFERED: '1',
    PANDASTACK_API: process.env['PANDASTACK_API'] ?? '',
    PANDASTACK_API_KEY: process.env['PANDASTACK_API_KEY'] ?? '',
  }
  const result = await run(found.python, ['-m', 'unittest', '-v', ...suites], {
    deadlineMs: suiteDeadlineMs,
    env,
    cwd: here,
    maxOutputBytes: 4_194_304,
  })
  output = result.stderr
  for (const match of output.matchAll(
    /^(test_\w+) \((suite\w*\.\w+)(?:\.\w+)?\) \.\.\. (?:.*\n)*?.*?(ok|FAIL|ERROR|skipped.*)$/gm,
  ))
    outcomes.set(`${match[2]}.${match[1]}`, match[3] ?? '')
}, suiteDeadlineMs)

test.each(declared)('python: %s', (name) => {
  expect(outcomes.get(name), output.slice(-6000)).toBe('ok')
})
