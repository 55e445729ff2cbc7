import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseIpv4 } from '../address.ts'
import { createPlan } from '../plan.ts'
import { checkCaps, defaultCaps } from './caps.ts'
import { baseChainCounts, removalText, rulesetText } from './ruleset.ts'
import { difference } from './translate.ts'

const plan = createPlan({ prefix: 'ps', index: 1, slotsMax: 3 })
const options = { resolverPort: 5353, closed: ['198.51.100.0/24'], open: ['10.9.0.0/16'] }
const text = rulesetText(plan, defaultCaps, options)

/** The ones' complement sum of 16-bit words, as in the checksums of IP. */
const sum = (words: number[]): number => words.reduce((total, word) => total + word, 0) % 0xffff
const wordsOf = (address: number): number[] => [address >>> 16, address & 0xffff]

describe('rule set', () => {
  test('speaks of no table but ours', () => {
    const tables = [...text.matchAll(/\btable (\w+) (\S+)/g)].map(([, family, name]) => `${family} ${name}`)
    expect(new Set(tables)).toEqual(new Set(['inet ps', 'arp ps']))
    expect(text).not.toContain('flush')
  })

  test('replaces what was there, whether there was something or not', () => {
    expect(text.startsWith(removalText(plan))).toBe(true)
    expect(removalText(plan)).toBe(
      'add table inet ps\ndelete table inet ps\nadd table arp ps\ndelete table arp ps\n',
    )
  })

  test('translates every slot and no other', () => {
    const pairs = [...text.matchAll(/"(ps-\d+)" : (10\.[\d.]+)/g)].map(
      ([, name, address]) => `${name} ${address}`,
    )
    const expected = ['ps-1 10.202.0.1', 'ps-2 10.202.0.2', 'ps-3 10.202.0.3']
    expect(pairs).toEqual([...expected, ...expected])
  })

  test('grows by set elements alone', () => {
    const larger = rulesetText(createPlan({ prefix: 'ps', index: 1, slotsMax: 500 }), defaultCaps, options)
    expect(larger.split('\n')).toHaveLength(text.split('\n').length)
  })

  test('matches interfaces of this installation only', () => {
    const patterns = new Set(
      [...text.matchAll(/[io]ifname (?:!= )?"([^"]+)"/g)].map(([, pattern]) => pattern),
    )
    expect(patterns).toEqual(new Set(['ps-*', 'lo']))
  })

  test('sends questions to where the resolver listens', () => {
    expect(text).toContain('dnat ip to 10.200.1.1:5353')
  })

  test('knows how many hooks it has', () => {
    expect(baseChainCounts(text)).toEqual({ inet: 8, arp: 2 })
  })

  test('limits bandwidth only if asked to', () => {
    expect(text).not.toContain('bytes/second')
    const limited = rulesetText(plan, { ...defaultCaps, bandwidthBytesPerSecond: 1_000_000 }, options)
    expect(limited.match(/over 1000000 bytes\/second/g)).toHaveLength(2)
  })
})

describe('the repair of quoted addresses', () => {
  test('keeps the checksum of the message that quotes', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), fc.nat(0xffffffff), (from, to) => {
        const repaired = sum([...wordsOf(to), difference(from, to)])
        expect(repaired).toBe(sum(wordsOf(from)))
      }),
    )
  })

  test('fits the field', () => {
    const guest = parseIpv4(plan.guestAddress) ?? 0
    for (let slot = 1; slot <= 3; slot++) {
      const value = difference(parseIpv4(plan.addressOf(slot)) ?? 0, guest)
      expect(value).toBeGreaterThanOrEqual(0)
      expect(value).toBeLessThan(65_536)
    }
  })
})

describe('caps', () => {
  test.each([{ connections: 0 }, { packetsPerSecond: 1.5 }, { dnsPacketsPerSecond: Number.NaN }])(
    '%o is refused',
    (caps) => expect(() => checkCaps({ ...defaultCaps, ...caps })).toThrow(RangeError),
  )
})
