import { expect, test } from 'vitest'
import { harmless, unified } from './unified.ts'

type Files = Parameters<typeof unified>[0]['files']

const of = (...files: Files): string => unified({ from: 'a', to: 'b', files, truncated: false })
const file = { path: '/w/x', kind: 'file', size_bytes: 2048, text_diff: null } as const

test('text that changed is shown as git shows it, with or without its two headers', () => {
  const hunk = '@@ -1 +1 @@\n-old\n+new\n'
  const shown = `diff --git a/w/x b/w/x\n--- a/w/x\n+++ b/w/x\n${hunk}`
  expect(of({ ...file, change: 'changed', text_diff: hunk })).toBe(shown)
  expect(of({ ...file, change: 'changed', text_diff: `--- a/w/x\n+++ b/w/x\n${hunk}` })).toBe(shown)
  expect(of({ ...file, change: 'added', text_diff: '@@ -0,0 +1 @@\n+new' })).toBe(
    'diff --git a/w/x b/w/x\n--- /dev/null\n+++ b/w/x\n@@ -0,0 +1 @@\n+new\n',
  )
})

test('what is no text is told in words', () => {
  expect(
    of(
      { ...file, change: 'added' },
      { ...file, change: 'changed' },
      { ...file, change: 'removed' },
      { ...file, change: 'added', kind: 'directory' },
    ),
  ).toBe(
    'diff --git a/w/x b/w/x\nnew file, 2.0 KiB\n' +
      'diff --git a/w/x b/w/x\nfile differs, 2.0 KiB\n' +
      'diff --git a/w/x b/w/x\ndeleted file\n' +
      'diff --git a/w/x b/w/x\nnew directory\n',
  )
})

test('a name cannot forge a line', () => {
  expect(of({ ...file, path: '/x\n+++ b/etc/passwd', change: 'added' })).toBe(
    'diff --git "a/x\\n+++ b/etc/passwd" "b/x\\n+++ b/etc/passwd"\nnew file, 2.0 KiB\n',
  )
})

test('control characters do not act on a terminal, and lines and columns stay', () => {
  expect(harmless('a\tb\n\u001b[2Jc\r\u0085é')).toBe('a\tb\n�[2Jc��é')
})
