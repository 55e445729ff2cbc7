import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { overlaps } from './address.ts'
import { createPlan } from './plan.ts'

describe('plan', () => {
  test('a slot has its own address outside and the common one inside', () => {
    expect(createPlan({ prefix: 'ps', index: 2 }).nicOf(300)).toEqual({
      slot: 300,
      netnsPath: '/run/netns/ps-300',
      device: 'eth0',
      mac: '02:00:0a:c8:02:02',
      guestAddress: '10.200.2.2',
      prefixLength: 30,
      gateway: '10.200.2.1',
      hostAddress: '10.203.1.44',
    })
  })

  test('name and address lead back to the slot', () => {
    const plan = createPlan({ prefix: 'ps' })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: plan.slotsMax }), (slot) => {
        expect(plan.slotOfName(plan.nameOf(slot))).toBe(slot)
        expect(plan.slotOfAddress(plan.addressOf(slot))).toBe(slot)
        expect(plan.nameOf(slot).length).toBeLessThanOrEqual(15)
      }),
    )
  })

  test('names and addresses of others lead nowhere', () => {
    const plan = createPlan({ prefix: 'ps', slotsMax: 10 })
    for (const name of ['ps-0', 'ps-11', 'ps-01', 'ps-1x', 'ps1', 'psb-1', 'ps-', 'ps-1-1', 'eth0', ' ps-1'])
      expect(plan.slotOfName(name), name).toBeUndefined()
    for (const address of ['10.201.0.0', '10.201.0.11', '10.200.0.2', '10.202.0.1', 'ps-1', ''])
      expect(plan.slotOfAddress(address), address).toBeUndefined()
  })

  test('no two indexes share an address', () => {
    const ranges = Array.from({ length: 16 }, (_, index) => createPlan({ prefix: 'ps', index })).flatMap(
      ({ guestRange, slotRange }) => [guestRange, slotRange],
    )
    for (const [at, one] of ranges.entries())
      for (const other of ranges.slice(at + 1)) expect(overlaps(one, other)).toBe(false)
  })

  test.each([
    { prefix: 'Ps' },
    { prefix: 'ps-' },
    { prefix: 'toolongname' },
    { prefix: '' },
    { prefix: 'ps', index: 16 },
    { prefix: 'ps', slotsMax: 0 },
    { prefix: 'ps', slotsMax: 70_000 },
    { prefix: 'ps', guestCidr: '10.200.0.0/29' },
    { prefix: 'ps', guestCidr: '10.200.0.2/30' },
    { prefix: 'ps', slotCidr: '10.201.0.0/24' },
    { prefix: 'ps', slotCidr: '10.200.0.0/16' },
    { prefix: 'ps"; flush ruleset' },
  ])('%o is refused', (settings) => {
    expect(() => createPlan(settings)).toThrow(expect.objectContaining({ kind: 'invalid' }))
  })
})
