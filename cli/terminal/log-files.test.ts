import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { lastLines, printLogs } from './log-files.ts'

test('the last lines, with or without a line feed at the end', () => {
  expect(lastLines('a\nb\nc\n', 2)).toBe('b\nc\n')
  expect(lastLines('a\nb\nc', 2)).toBe('b\nc\n')
  expect(lastLines('a\n', 0)).toBe('')
  expect(lastLines('', 3)).toBe('')
})

test('what is appended comes whole, also after the file was emptied', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'logs-'))
  const file = join(dir, 'a.log')
  const stop = new AbortController()
  let shown = ''
  const until = async (text: string) => {
    while (!shown.endsWith(text)) await new Promise((resolve) => setTimeout(resolve, 20))
  }
  try {
    await writeFile(file, 'one\ntwo\n')
    const screen = { write: (text: string) => (shown += text) }
    const done = printLogs([{ name: 'a', file }], { follow: true, lines: 1, screen, signal: stop.signal })
    await until('two\n')
    await appendFile(file, 'three\nfo')
    await until('three\n')
    await writeFile(file, 'new\n')
    await until('new\n')
    stop.abort()
    await done
    expect(shown).toBe('two\nthree\nnew\n')
  } finally {
    await rm(dir, { recursive: true })
  }
})
