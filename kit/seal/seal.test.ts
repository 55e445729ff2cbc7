import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { SealBroken, createSeal } from './seal.ts'

const seal = createSeal(randomBytes(32))

test('what is sealed is read again, does not show, and never looks the same', () => {
  for (const text of ['', 'geheim 🐼', 'x'.repeat(300_000)]) {
    const sealed = seal.close(text, 'sandbox 1')
    expect(seal.open(sealed, 'sandbox 1')).toBe(text)
    expect(seal.close(text, 'sandbox 1')).not.toBe(sealed)
    if (text !== '') expect(Buffer.from(sealed.slice(3), 'base64').includes(text)).toBe(false)
  }
})

test('another place, another key and any changed byte are refused', () => {
  const sealed = seal.close('geheim', 'sandbox 1')
  expect(() => seal.open(sealed, 'sandbox 2')).toThrow(SealBroken)
  expect(() => createSeal(randomBytes(32)).open(sealed, 'sandbox 1')).toThrow('sealed with another key')
  const bytes = Buffer.from(sealed.slice(3), 'base64')
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes)
    changed[at] = (changed[at] ?? 0) ^ 1
    expect(() => seal.open(`a1.${changed.toString('base64')}`, 'sandbox 1')).toThrow(SealBroken)
  }
  for (const text of ['', 'a1.', 'plain', sealed.slice(0, 20), sealed.slice(3)])
    expect(() => seal.open(text, 'sandbox 1')).toThrow(SealBroken)
})
