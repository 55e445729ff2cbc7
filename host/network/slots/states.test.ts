import { describe, expect, test } from 'vitest'
import { createPlan } from '../plan.ts'
import { linkNames, makeLines, refreshLines } from './commands.ts'
import { createStates } from './states.ts'

const plan = createPlan({ prefix: 'ps', slotsMax: 5 })
const setUp = () => {
  let nowMs = 0
  const states = createStates(plan, { wallMs: () => nowMs, monotonicMs: () => nowMs })
  return { states, advance: (ms: number) => void (nowMs += ms) }
}
const exist = (...slots: number[]) => ({ namespaces: new Set(slots), links: new Set(slots) })

describe('states of slots', () => {
  test('a slot with a state is not handed out', () => {
    const { states } = setUp()
    states.set(2, 'found')
    states.set(4, 'leased')
    expect(states.take(10)).toEqual([1, 3, 5])
    states.free(4, 0)
    expect(states.take(10)).toEqual([4])
    expect(states.all('found')).toEqual([2])
  })

  test('what exists without a state, or was found at the start, is a leak', () => {
    const { states } = setUp()
    states.set(1, 'found')
    states.set(2, 'ready')
    expect(states.leaks(exist(1, 2, 3), new Set())).toEqual([
      { kind: 'namespace', name: 'ps-1', detail: 'slot that nobody has claimed' },
      { kind: 'namespace', name: 'ps-3', detail: 'slot of nobody' },
      { kind: 'link', name: 'ps-1', detail: 'slot that nobody has claimed' },
      { kind: 'link', name: 'ps-3', detail: 'slot of nobody' },
    ])
    expect(states.leaks(exist(1, 2, 3), new Set([1, 3]))).toEqual([])
  })

  test('a lease that no machine accounts for is a leak once it is old enough to be in a ledger', () => {
    const { states, advance } = setUp()
    states.set(1, 'leased')
    states.set(2, 'making')
    advance(5000)
    expect(states.leaks(exist(1, 2), new Set())).toEqual([])
    advance(6000)
    expect(states.leaks(exist(1, 2), new Set()).map(({ name }) => name)).toEqual(['ps-1', 'ps-1'])
    expect(states.leaks(exist(1, 2), new Set([1]))).toEqual([])
  })
})

describe('commands', () => {
  test('names of interfaces are read from what ip says', () => {
    const text = `1: lo: <LOOPBACK> mtu 65536 qdisc noop state DOWN
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
12: eth0@if13: <BROADCAST,MULTICAST> mtu 1400 qdisc noop
    link/ether 02:00:0a:c8:00:02 brd ff:ff:ff:ff:ff:ff
`
    expect(linkNames(text)).toEqual(['lo', 'eth0'])
  })

  test('an interface is silent until everything about it is set', () => {
    const lines = makeLines(plan, 3, 1400).split('\n')
    const up = lines.indexOf('link set ps-3 up')
    expect(lines.indexOf('link set ps-3 addrgenmode none')).toBeLessThan(up)
    const inside = refreshLines(plan).split('\n')
    expect(inside.indexOf('link set eth0 addrgenmode none')).toBeLessThan(inside.indexOf('link set eth0 up'))
  })
})
