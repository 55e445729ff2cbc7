import { expect, test } from 'vitest'
import { isPlainName, parsePlace } from './place.ts'

const id = '0b5b4c9e-6d3d-4f6d-9a56-0d3f5c2f1a11'

test('an id and a colon are a place in a sandbox, everything else is here', () => {
  expect(parsePlace(`${id}:/tmp/a:b`)).toEqual({ kind: 'remote', id, path: '/tmp/a:b' })
  expect(parsePlace(`${id}:`)).toEqual({ kind: 'remote', id, path: '.' })
  for (const path of ['a:b', id, '-', './x', `x${id}:y`])
    expect(parsePlace(path)).toEqual({ kind: 'local', path })
})

test('a name that leads elsewhere is not plain', () => {
  expect(['a', '.bashrc', 'a b', '...'].every(isPlainName)).toBe(true)
  expect(['', '.', '..', '../x', '/etc', 'a/b', 'a\0'].some(isPlainName)).toBe(false)
})
