// Which of the address ranges an installation may have this machine does not route yet. The ranges are host/network's:
// index N has 10.(201+N).0.0/16 for its slots and 10.200.N.0/30 for what is inside of them.

import { readFileSync } from 'node:fs'

interface Range {
  first: number
  last: number
}

const operators = [0, 1, 2, 3, 4, 5, 6]

const rangeOf = (address: number, bits: number): Range => {
  const size = 2 ** (32 - bits)
  const first = Math.floor(address / size) * size
  return { first, last: first + size - 1 }
}

const ten = 10 * 2 ** 24
const rangesOf = (index: number): Range[] => [
  rangeOf(ten + (201 + index) * 2 ** 16, 16),
  rangeOf(ten + 200 * 2 ** 16 + index * 2 ** 8, 30),
]

/** Little-endian hexadecimal, as in /proc/net/route. */
const addressOf = (hex: string): number => Buffer.from(hex, 'hex').readUInt32LE(0)

/** Destinations in the text of /proc/net/route; the default route is none. */
export const routedRanges = (text: string): Range[] =>
  text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, destination = '', , , , , , mask = ''] = line.split('\t')
      if (!/^[0-9A-F]{8}$/.test(destination) || !/^[0-9A-F]{8}$/.test(mask)) return []
      const bits = addressOf(mask).toString(2).replaceAll('0', '').length
      return bits === 0 ? [] : [rangeOf(addressOf(destination), bits)]
    })

/** The first of `wanted` that meets no route; the first of all when each of them does: the agent then says why. */
export const freeIndex = (routes: string, wanted: readonly number[] = operators): number => {
  const routed = routedRanges(routes)
  const meets = (range: Range): boolean =>
    routed.some(({ first, last }) => first <= range.last && last >= range.first)
  return wanted.find((index) => !rangesOf(index).some(meets)) ?? wanted[0] ?? 0
}

export const freeIndexHere = (wanted?: readonly number[]): number =>
  freeIndex(readFileSync('/proc/net/route', 'utf8'), wanted)
