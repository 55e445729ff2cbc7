import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { compiledShare, inputsOf } from './builds.ts'

test('packages that are compiled are counted, messages are not', () => {
  const output =
    'go: downloading golang.org/x/sys v0.49.0\ninternal/cpu\ngolang.org/x/sys/unix\n# warning: x\n'
  expect(compiledShare(output, 10)).toBe(20)
  expect(compiledShare('a\nb\nc\n', 2)).toBe(99)
  expect(compiledShare('', 0)).toBe(0)
})

test('the hash follows sources and names, not tests or texts', async () => {
  const checkout = await mkdtemp(join(tmpdir(), 'builds-'))
  try {
    const build = { program: 'p', module: 'm', target: './cmd/p' }
    await mkdir(join(checkout, 'm/cmd/p'), { recursive: true })
    const put = (name: string, text: string) => writeFile(join(checkout, 'm', name), text)
    await put('go.mod', 'module m')
    await put('cmd/p/main.go', 'package main')
    const first = await inputsOf({ checkout }, build)
    await put('cmd/p/main_test.go', 'package main')
    await put('README.md', 'text')
    expect(await inputsOf({ checkout }, build)).toBe(first)
    await put('cmd/p/main.go', 'package main // changed')
    const changed = await inputsOf({ checkout }, build)
    expect(changed).not.toBe(first)
    expect(await inputsOf({ checkout }, { ...build, program: 'q' })).not.toBe(changed)
  } finally {
    await rm(checkout, { recursive: true })
  }
})
