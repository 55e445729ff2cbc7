// Addresses that no guest may reach and no name may resolve to: private, local, metadata, multicast, reserved.
// The documentation ranges (192.0.2/24, 198.51.100/24, 203.0.113/24) count as public. Pure data and lookups.

import { isIPv6 } from 'node:net'
import { contains, parseCidr, parseIpv4, type Cidr } from './address.ts'

export const closedIpv4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '224.0.0.0/4',
  '240.0.0.0/4',
] as const

const closedRanges = closedIpv4.map((text) => parseCidr(text) as Cidr)

export const isClosedIpv4 = (address: number): boolean =>
  closedRanges.some((range) => contains(range, address))

/** First words of an IPv6 range; `bits` of them count. */
interface Prefix {
  words: number[]
  bits: number
  /** Word at which an IPv4 address is embedded: then that address decides. */
  embeds?: number
}

const prefixes: Prefix[] = [
  { words: [0, 0, 0, 0, 0, 0xffff], bits: 96, embeds: 6 }, // mapped
  { words: [0x64, 0xff9b, 0, 0, 0, 0], bits: 96, embeds: 6 }, // NAT64
  { words: [0x2002], bits: 16, embeds: 1 }, // 6to4
  { words: [0, 0, 0, 0, 0, 0], bits: 96, embeds: 6 }, // unspecified, loopback, IPv4-compatible: all inside 0/8 or embedded
  { words: [0x64, 0xff9b, 1], bits: 48 }, // NAT64 of local use
  { words: [0x2001, 0], bits: 32 }, // Teredo
  { words: [0x100, 0, 0, 0], bits: 64 }, // discard
  { words: [0xfc00], bits: 7 }, // unique local
  { words: [0xfe80], bits: 10 }, // link local
  { words: [0xfec0], bits: 10 }, // site local, of old
  { words: [0xff00], bits: 8 }, // multicast
]

const matches = ({ words, bits }: Prefix, address: readonly number[]): boolean =>
  words.every((word, index) => {
    const counted = Math.min(16, bits - index * 16)
    const mask = (0xffff << (16 - counted)) & 0xffff
    return (((address[index] ?? 0) ^ word) & mask) === 0
  })

/** Eight 16-bit words, as in an AAAA record. */
export const isClosedIpv6 = (words: readonly number[]): boolean => {
  const prefix = prefixes.find((candidate) => matches(candidate, words))
  if (!prefix) return false
  if (prefix.embeds === undefined) return true
  return isClosedIpv4((words[prefix.embeds] ?? 0) * 65_536 + (words[prefix.embeds + 1] ?? 0))
}

const parseWords = (part: string | undefined): number[] =>
  part ? part.split(':').map((word) => Number.parseInt(word, 16)) : []

/** `::ffff:1.2.3.4` as `::ffff:102:304`. */
const withoutDots = (text: string): string =>
  text.replace(/\d+\.\d+\.\d+\.\d+$/, (dotted) => {
    const value = parseIpv4(dotted) ?? 0
    return `${(value >>> 16).toString(16)}:${(value & 0xffff).toString(16)}`
  })

/** Only for texts that are IPv6 addresses. */
const wordsOf = (text: string): number[] => {
  const [head, tail] = withoutDots(text).split('::')
  const [left, right] = [parseWords(head), parseWords(tail)]
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right]
}

/** What is no address at all counts as closed. */
export const isClosedAddress = (text: string): boolean => {
  const ipv4 = parseIpv4(text)
  if (ipv4 !== undefined) return isClosedIpv4(ipv4)
  return isIPv6(text) && !text.includes('%') ? isClosedIpv6(wordsOf(text)) : true
}
