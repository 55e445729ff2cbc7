import { describe, expect, test } from 'vitest'
import { shouldBrake } from './flows.ts'
import { foreignDrops } from './nft.ts'

const chain = (family: string, table: string, hook: string, policy: string) => ({
  family,
  table,
  name: hook.toUpperCase(),
  hook,
  policy,
})

describe('chains of other firewalls', () => {
  test('those that forward or let in nothing by default are named, ours are not', () => {
    const chains = [
      chain('ip', 'filter', 'forward', 'drop'),
      chain('ip', 'filter', 'output', 'drop'),
      chain('ip', 'filter', 'input', 'accept'),
      chain('inet', 'firewall', 'input', 'drop'),
      chain('ip6', 'filter', 'forward', 'drop'),
      chain('inet', 'ps', 'forward', 'drop'),
    ]
    expect(foreignDrops(chains, 'ps')).toEqual(['ip filter FORWARD', 'inet firewall INPUT'])
  })
})

describe('the brake on new flows', () => {
  test('is on above seven tenths, and stays on until six', () => {
    expect(shouldBrake(false, 700, 1000)).toBe(false)
    expect(shouldBrake(false, 701, 1000)).toBe(true)
    expect(shouldBrake(true, 650, 1000)).toBe(true)
    expect(shouldBrake(true, 600, 1000)).toBe(false)
  })

  test('is off while the kernel counts nothing yet', () => {
    expect(shouldBrake(false, Number.NaN, Number.NaN)).toBe(false)
  })
})
