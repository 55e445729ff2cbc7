import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { contains, formatIpv4, overlaps, parseCidr, parseIpv4 } from './address.ts'
import { closedIpv4, isClosedAddress } from './ranges.ts'

const closed = [
  '0.0.0.0',
  '0.255.255.255',
  '10.0.0.0',
  '10.255.255.255',
  '100.64.0.0',
  '100.127.255.255',
  '127.0.0.1',
  '169.254.169.254',
  '172.16.0.0',
  '172.31.255.255',
  '192.0.0.255',
  '192.168.255.255',
  '198.18.0.0',
  '198.19.255.255',
  '224.0.0.0',
  '239.255.255.255',
  '240.0.0.0',
  '255.255.255.255',
  '::',
  '::1',
  '::10.1.2.3',
  '::ffff:10.1.2.3',
  '::ffff:a01:203',
  '64:ff9b::192.168.1.1',
  '64:ff9b:1::1',
  '2002:a01:203::1',
  '2001::1',
  '100::1',
  'fc00::1',
  'fdff:ffff::1',
  'fe80::1',
  'febf::1',
  'fec0::1',
  'ff02::1',
  'FE80::1',
]
const open = [
  '1.0.0.0',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '126.255.255.255',
  '128.0.0.0',
  '169.253.255.255',
  '172.15.255.255',
  '172.32.0.0',
  '192.0.1.0',
  '192.0.2.1',
  '192.167.255.255',
  '192.169.0.0',
  '198.17.255.255',
  '198.20.0.0',
  '198.51.100.7',
  '203.0.113.80',
  '223.255.255.255',
  '2600::1',
  '::ffff:8.8.8.8',
  '64:ff9b::8.8.8.8',
  '2002:808:808::1',
  '2001:4860:4860::8888',
]
const nonsense = [
  '',
  'localhost',
  '10.1',
  '010.1.1.1',
  '8.8.8.8 ',
  '0x8.8.8.8',
  '256.1.1.1',
  '1::2::3',
  'fe80::1%eth0',
]

const range = (text: string) => parseCidr(text) ?? { base: 0, bits: 0 }

describe('addresses', () => {
  test.each(closed)('%s is closed', (address) => expect(isClosedAddress(address)).toBe(true))
  test.each(open)('%s is public', (address) => expect(isClosedAddress(address)).toBe(false))
  test.each(nonsense)('“%s” is no address and counts as closed', (text) =>
    expect(isClosedAddress(text)).toBe(true),
  )

  test('an address embedded in a mapped, NAT64 or 6to4 one is judged as it would be alone', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), (value) => {
        const dotted = formatIpv4(value)
        const alone = isClosedAddress(dotted)
        const [high, low] = [(value >>> 16).toString(16), (value & 0xffff).toString(16)]
        expect(isClosedAddress(`::ffff:${dotted}`)).toBe(alone)
        expect(isClosedAddress(`64:ff9b::${high}:${low}`)).toBe(alone)
        expect(isClosedAddress(`2002:${high}:${low}::1`)).toBe(alone)
      }),
    )
  })

  test('each closed range ends where it says', () => {
    for (const text of closedIpv4) {
      const range = parseCidr(text)
      expect(range && contains(range, range.base)).toBe(true)
      expect(range && contains(range, range.base + 2 ** (32 - range.bits))).toBe(false)
    }
  })

  test('text and number are the same address', () => {
    fc.assert(fc.property(fc.nat(0xffffffff), (value) => parseIpv4(formatIpv4(value)) === value))
  })

  test('a range with host bits, a missing length or a length above 32 is none', () => {
    for (const text of ['10.0.0.1/8', '10.0.0.0', '10.0.0.0/33', '10.0.0.0/8/8', '/8', '10.0.0.0/-1'])
      expect(parseCidr(text)).toBeUndefined()
  })

  test('ranges overlap if and only if one holds the other’s first address', () => {
    expect(overlaps(range('10.0.0.0/8'), range('10.200.0.0/30'))).toBe(true)
    expect(overlaps(range('10.200.0.0/30'), range('10.0.0.0/8'))).toBe(true)
    expect(overlaps(range('10.200.0.0/30'), range('10.200.0.4/30'))).toBe(false)
  })
})
