// Guides are true: their code is run against the installation, block by block and in order, with the published client
// and our command line, and prints what they say it does.

import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { blocksOf, fits } from './guides/blocks.ts'
import { openSession } from './guides/session.ts'
import type { Session } from './guides/session.ts'
import { clients } from './pandastack/clients.ts'
import { api, key } from './pandastack/raw.ts'

const checkout = path.join(import.meta.dirname, '..')
const dir = path.join(checkout, 'docs/guides')
/** Those that say so: the code of others is for inside a sandbox. */
const guides = readdirSync(dir).filter(
  (name) =>
    name.endsWith('.md') && readFileSync(path.join(dir, name), 'utf8').includes('acceptance/guides.test.ts'),
)

test('there are guides', () => {
  expect(guides).toContain('forking.md')
})

describe.each(guides)('%s', (guide) => {
  const blocks = blocksOf(readFileSync(path.join(dir, guide), 'utf8'))
  const stack = new AsyncDisposableStack()
  let sessions: Record<'python' | 'sh', Session>
  beforeAll(async () => {
    const found = await clients()
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: found.home,
      PYTHONPATH: found.pythonPath,
      PANDASTACK_API: api(),
      PANDASTACK_API_KEY: key(),
    }
    const open = async (language: 'python' | 'sh'): Promise<Session> =>
      stack.use(await openSession(language, { env, cwd: checkout }))
    sessions = { python: await open('python'), sh: await open('sh') }
  })
  afterAll(() => stack.disposeAsync())

  test('has code that is run', () => {
    expect(blocks.length).toBeGreaterThan(0)
  })
  test.each(blocks)('line $line, $language', async ({ language, code, expected }) => {
    const output = await sessions[language].run(code)
    if (expected !== null && !fits(expected, output)) expect(output.trim()).toBe(expected)
  })
})

describe('how guides are read', () => {
  test('blocks are found in order, with the output that stands right behind them', () => {
    const guide = [
      'Text',
      '```sh',
      'echo a',
      '```',
      '',
      '```text',
      'a',
      '```',
      '```json',
      '{}',
      '```',
      '```python',
      'x = 1',
      '',
      'print(x)',
      '```',
      'More text.',
      '```text',
      'no output',
      '```',
    ].join('\n')
    expect(blocksOf(guide)).toEqual([
      { language: 'sh', line: 3, code: 'echo a', expected: 'a' },
      { language: 'python', line: 13, code: 'x = 1\n\nprint(x)', expected: null },
    ])
  })
  test('an ellipsis stands for anything within a line', () => {
    expect(fits('id …\n(a+b)', 'id 17 \n(a+b)\n')).toBe(true)
    expect(fits('id …', 'id 1\n2')).toBe(false)
    expect(fits('a.c', 'abc')).toBe(false)
  })
  test.each([
    [
      'sh',
      'x=1; cd /',
      'echo $x; pwd; cat; echo lost >&2',
      '1\n/\n',
      'echo before; false; echo after',
      'before',
    ],
    ['python', 'x = 1', 'print(x)', '1\n', 'print("before"); 1 / 0', 'ZeroDivisionError'],
  ] as const)(
    'a session of %s keeps what was defined and tells what failed',
    async (language, first, second, output, bad, told) => {
      const env = { PATH: process.env['PATH'] ?? '' }
      await using session = await openSession(language, { env, cwd: checkout })
      expect(await session.run(first)).toBe('')
      expect(await session.run(second)).toBe(output)
      await expect(session.run(bad)).rejects.toThrow(told)
      await expect(session.run(first)).rejects.toThrow('failed')
    },
  )
})
