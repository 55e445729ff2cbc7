import { expect, test } from 'vitest'
import { checkGoesOn, judge, look, note } from './resident.ts'

const line = (count: number, resident = 'me', sound = 'whole'): string =>
  `${resident} ${String(count).padStart(12, '0')} ${sound}\n`
const noted = { text: 'text', resident: 'me', count: 5 }
const seen = (text: string, first: string, later: string): string => `${text}\n${first}${later}`

test('a copy that goes on is taken for one', () => {
  expect(() => judge(seen('text', line(5), line(7)), noted)).not.toThrow()
})

test.each([
  ['a file that is older', seen('before', line(5), line(7)), 'the file says before'],
  ['a resident that was started anew', seen('text', line(5, 'new'), line(7, 'new')), 'is another'],
  ['a count from an earlier time', seen('text', line(4), line(7)), 'went back from 5 to 4'],
  ['a resident that does not run', seen('text', line(7), line(7)), 'stands still at 7'],
  ['memory that is not what it was', seen('text', line(6), line(7, 'me', 'torn.')), 'found its memory'],
  ['nothing at all', '', 'the file says'],
])('%s is not', (_name, said, message) => {
  expect(() => judge(said, noted)).toThrow(message)
})

test('what is noted is what is looked for', async () => {
  let written = ''
  const shell = async (command: string): Promise<string> => {
    if (command === look) return seen(written, line(9), line(10))
    written = /echo (\S+)/.exec(command)?.[1] ?? ''
    return line(9)
  }
  const left = await note(shell)
  expect(left).toEqual({ text: written, resident: 'me', count: 9 })
  await checkGoesOn(shell, left)
})
