import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { isOurs, parseHost } from './host-name.ts'

const id = '0b0e7a2c-5c2f-4d6e-9a53-3f1d8c0a7b21'
const suffix = 'box.example'

describe('a preview host name', () => {
  test('gives back the port and the sandbox it was made of, in any case and with any port of the server', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 65_535 }).filter((port) => port !== 49_983),
        fc.uuid(),
        fc.boolean(),
        fc.option(fc.integer({ min: 1, max: 65_535 })),
        (port, sandboxId, upper, serverPort) => {
          const plain = `${port}-${sandboxId}.${suffix}${serverPort === null ? '' : `:${serverPort}`}`
          const host = upper ? plain.toUpperCase() : plain
          expect(isOurs(host, suffix)).toBe(true)
          expect(parseHost(host, suffix)).toEqual({ port, sandboxId, host: `${port}-${sandboxId}.${suffix}` })
        },
      ),
    )
  })

  test.each([
    [`8080-${id}.${suffix}.`, 'a trailing dot'],
    [`8080-${id}.${suffix}..`, 'two trailing dots'],
    [`08080-${id}.${suffix}`, 'a leading zero'],
    [`0-${id}.${suffix}`, 'port zero'],
    [`65536-${id}.${suffix}`, 'a port too high'],
    [`49983-${id}.${suffix}`, 'the port of the agent'],
    [`8080-${id}x.${suffix}`, 'a longer id'],
    [`8080-${id.slice(1)}.${suffix}`, 'a shorter id'],
    [`8080-${id}.evil.${suffix}`, 'a label in between'],
    [`8080--${id}.${suffix}`, 'a second hyphen'],
  ])('%s is ours and refused, for %s', (host) => {
    expect(isOurs(host, suffix)).toBe(true)
    expect(parseHost(host, suffix)).toBeNull()
  })

  test.each([
    ['box.example', 'the suffix itself'],
    ['api.box.example', 'another name under it'],
    [`8080-${id}.box.example.evil.com`, 'a name that only contains it'],
    [`8080-${id}.xbox.example`, 'a suffix that only ends like it'],
    ['', 'no host'],
    ['[::1]:8080', 'an address'],
  ])('%s is not ours: %s', (host) => {
    expect(isOurs(host, suffix)).toBe(false)
    expect(parseHost(host, suffix)).toBeNull()
  })

  test('is found with a suffix that carries the port of the links', () => {
    expect(parseHost(`3000-${id}.localhost:8080`, 'localhost:8080')).toMatchObject({ port: 3000 })
  })

  test('is never found in arbitrary text that is not exactly one', () => {
    const piece = fc.constantFrom('8080', '-', id, '.', suffix, ':', '80', 'x', '%2e', ' ', '0')
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 7 }), (pieces) => {
        const host = pieces.join('')
        const parsed = parseHost(host, suffix)
        if (parsed) expect(host.replace(/:\d{1,5}$/, '')).toBe(`${parsed.port}-${id}.${suffix}`)
      }),
      { numRuns: 2000 },
    )
  })
})
