import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { commandLine } from './shell-quote.ts'

test('a shell reads the words back as they were', () => {
  const words = ['a b', "it's", '$HOME', '`id`', '"', '\\', '*', '', 'x\ny', 'plain', '-n', 'é']
  const line = commandLine(['printf', '%s\\0', ...words])
  expect(execFileSync('sh', ['-c', line], { encoding: 'utf8' })).toBe(
    words.map((word) => `${word}\0`).join(''),
  )
})

test('a single word is shell text', () => {
  expect(commandLine(['echo $HOME | wc -c'])).toBe('echo $HOME | wc -c')
})
