import { expect, test } from 'vitest'
import type { ChangedFile } from '@pandastack/contracts/wire/host/v1/snapshots.ts'
import { changesBetween } from './compare.ts'

const file = (
  path: string,
  change: ChangedFile['change'],
  content: string | null,
  base: string | null,
): ChangedFile => ({
  path,
  change,
  kind: 'file',
  sizeBytes: content?.length ?? 0,
  mode: 0o644,
  sha256: content && `sum of ${content}`,
  baseSha256: base && `sum of ${base}`,
  text: content,
  baseText: base,
})
const disk = (...files: ChangedFile[]) => ({ files, truncated: false, image: 'i' })

const told = (from: ChangedFile[], to: ChangedFile[]): string[] =>
  changesBetween(disk(...from), disk(...to)).map(
    ({ path, change, before, after }) => `${change} ${path} ${before} -> ${after}`,
  )

test('what both have alike is no difference, however it differs from the image', () => {
  const same = file('/a', 'changed', 'new', 'old')
  expect(told([same], [same])).toEqual([])
})

test('a path that one side leaves out is there as the image has it', () => {
  expect(told([], [file('/a', 'changed', 'new', 'old')])).toEqual(['changed /a old -> new'])
  expect(told([file('/a', 'changed', 'new', 'old')], [])).toEqual(['changed /a new -> old'])
  expect(told([], [file('/a', 'added', 'new', null)])).toEqual(['added /a null -> new'])
  expect(told([file('/a', 'added', 'new', null)], [])).toEqual(['removed /a new -> null'])
  expect(told([], [file('/a', 'removed', null, 'old')])).toEqual(['removed /a old -> null'])
  expect(told([file('/a', 'removed', null, 'old')], [])).toEqual(['added /a null -> old'])
})

test('two sides that changed one path are compared with each other', () => {
  expect(told([file('/a', 'changed', '1', '0')], [file('/a', 'changed', '2', '0')])).toEqual([
    'changed /a 1 -> 2',
  ])
  expect(told([file('/a', 'removed', null, '0')], [file('/a', 'changed', '2', '0')])).toEqual([
    'added /a null -> 2',
  ])
  expect(told([file('/a', 'added', '1', null)], [file('/a', 'removed', null, null)])).toEqual([
    'removed /a 1 -> null',
  ])
  expect(told([file('/a', 'removed', null, '0')], [file('/a', 'removed', null, '0')])).toEqual([])
})

test('a change of permissions alone is a change', () => {
  const executable = { ...file('/a', 'added', '1', null), mode: 0o755 }
  expect(told([file('/a', 'added', '1', null)], [executable])).toEqual(['changed /a 1 -> 1'])
})

test('files of the identity that every thaw writes are left out, and the rest is sorted', () => {
  const files = ['/z', '/etc/hostname', '/b'].map((path) => file(path, 'added', 'x', null))
  expect(told([], files)).toEqual(['added /b null -> x', 'added /z null -> x'])
})
