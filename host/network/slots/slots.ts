// Leases of slots. The only place that changes a slot's state; the kernel is changed while the slot is in a state that
// nobody else acts on. Fails with NetworkError or CommandFailed; the slot is then removed or its number rests.

import type { Nic } from '@pandastack/driver/values.ts'
import type { Clock } from '@pandastack/kit/clock/clock.ts'
import type { Log } from '@pandastack/kit/log/log.ts'
import { NetworkError } from '../errors.ts'
import { forgetFlows } from '../flows.ts'
import type { Plan } from '../plan.ts'
import { allOf, findSlots } from './found.ts'
import { makeSlots, refreshSlot, removeSlots } from './links.ts'
import { createShelf, type Shelf } from './shelf.ts'
import { createStates, type SlotLeak, type States } from './states.ts'
import { createTurns } from './turns.ts'

export interface SlotsOptions {
  plan: Plan
  shelfSize: number
  /** Whether flows can be forgotten. If not, a slot is not used again until most of them have run dry. */
  forgetsFlows: boolean
  log: Log
  clock: Clock
}

export interface Slots {
  fill(): void
  acquire(): Promise<Nic>
  refresh(nic: Nic): Promise<void>
  release(nic: Nic): Promise<void>
  adopt(nics: readonly Nic[]): Promise<void>
  leaks(known: readonly Nic[]): Promise<SlotLeak[]>
  close(keep: readonly Nic[]): Promise<void>
}

const batchSize = 8
/** Many machines may go at once; their slots are cleaned a few at a time. */
const cleaningAtOnce = 4
/** Longer than flows of UDP and half-open ones of TCP live. */
const longRestMs = 120_000

const shelfOf = ({ plan, shelfSize, log }: SlotsOptions, states: States): Shelf<number> =>
  createShelf<number>({
    target: shelfSize,
    batch: batchSize,
    async make(count) {
      const slots = states.take(count)
      try {
        if (slots.length > 0) await makeSlots(plan, slots)
      } catch (error) {
        for (const slot of slots) states.free(slot, longRestMs)
        throw error
      }
      for (const slot of slots) states.set(slot, 'ready')
      return slots
    },
    exhausted: () => new NetworkError('exhausted', `all ${plan.slotsMax} network slots are in use`),
    closed: () => new NetworkError('closed', 'the network is closed'),
    onError: (error) => log.error({ err: error }, 'network slots could not be made'),
  })

/** The slot of a nic. The value may come from an old ledger, so it is checked and not trusted. */
const slotOf = (plan: Plan, nic: Nic): number => {
  const { slot, hostAddress, netnsPath } = nic
  const known = plan.slotOfAddress(hostAddress) === slot && plan.nicOf(slot).netnsPath === netnsPath
  if (!known) throw new NetworkError('invalid', `slot ${slot} at ${hostAddress} is none of this installation`)
  return slot
}

export const createSlots = async (options: SlotsOptions): Promise<Slots> => {
  const { plan, log, forgetsFlows } = options
  const states = createStates(plan, options.clock)
  for (const slot of allOf(await findSlots(plan))) states.set(slot, 'found')
  const shelf = shelfOf(options, states)
  const turns = createTurns(cleaningAtOnce)

  const remove = async (slots: readonly number[]): Promise<void> => {
    for (const slot of slots) states.set(slot, 'cleaning')
    try {
      await removeSlots(plan, slots)
    } catch (error) {
      // What could not be removed is shown as a leak, and goes when the next agent starts.
      for (const slot of slots) states.set(slot, 'found')
      throw error
    }
    for (const slot of slots) states.free(slot, forgetsFlows ? 0 : longRestMs)
    shelf.refill()
  }
  /** True if the slot is as good as new. */
  const recycle = async (slot: number): Promise<boolean> => {
    if (!forgetsFlows) return false
    try {
      const refreshed = shelf.hasRoom && refreshSlot(plan, slot).then(() => true)
      const [clean] = await Promise.all([refreshed, forgetFlows(plan.addressOf(slot))])
      return clean
    } catch (error) {
      log.warn({ err: error, slot }, 'a network slot could not be recycled and is removed')
      return false
    }
  }
  const takeBack = async (slot: number): Promise<void> => {
    if (await recycle(slot)) {
      states.set(slot, 'ready')
      if (shelf.put(slot)) return
    }
    await remove([slot])
  }
  return {
    fill: () => shelf.refill(),
    async acquire() {
      const slot = await shelf.take()
      states.set(slot, 'leased')
      return plan.nicOf(slot)
    },
    async refresh(nic) {
      const slot = slotOf(plan, nic)
      if (states.of(slot) !== 'leased') throw new NetworkError('invalid', `slot ${slot} is not leased`)
      await refreshSlot(plan, slot)
    },
    async release(nic) {
      const slot = slotOf(plan, nic)
      if (states.of(slot) !== 'leased') return
      states.set(slot, 'cleaning')
      await turns(() => takeBack(slot))
    },
    async adopt(nics) {
      for (const nic of nics) states.set(slotOf(plan, nic), 'leased')
      const unclaimed = states.all('found')
      if (unclaimed.length > 0) log.warn({ slots: unclaimed }, 'removing network slots of no machine')
      await remove(unclaimed)
    },
    leaks: async (known) => states.leaks(await findSlots(plan), new Set(known.map(({ slot }) => slot))),
    async close(keep) {
      const kept = new Set(keep.map((nic) => slotOf(plan, nic)))
      await shelf.close()
      await remove(states.all().filter((slot) => !kept.has(slot)))
    },
  }
}
