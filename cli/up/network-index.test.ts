import { expect, test } from 'vitest'
import { freeIndex, routedRanges } from './network-index.ts'

const head = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n'
const route = (destination: string, mask: string): string =>
  `eth0\t${destination}\t00000000\t0001\t0\t0\t0\t${mask}\t0\t0\t0\n`

const everything = route('00000000', '00000000')
const slots0 = route('0000C90A', '0000FFFF') // 10.201.0.0/16
const one1 = route('0700CA0A', 'FFFFFFFF') // 10.202.0.7/32
const guests2 = route('0002C80A', 'FCFFFFFF') // 10.200.2.0/30
const ten = route('0000000A', '000000FF') // 10.0.0.0/8

test('routes are read with their masks, and the default route is nobody’s range', () => {
  expect(routedRanges(head + everything)).toEqual([])
  expect(routedRanges(head + slots0)).toEqual([{ first: 0x0ac90000, last: 0x0ac9ffff }])
})

test('an index is free when no route meets one of its ranges', () => {
  expect(freeIndex(head + everything)).toBe(0)
  expect(freeIndex(head + slots0)).toBe(1)
  expect(freeIndex(head + slots0 + one1 + guests2)).toBe(3)
  expect(freeIndex(head + one1, [1, 6])).toBe(6)
})

test('a network that covers all of them leaves the choice to the operator', () => {
  expect(freeIndex(head + ten)).toBe(0)
})
