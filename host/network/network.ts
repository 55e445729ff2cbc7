// Network slots of one installation: makes them ahead, leases them, takes them back, and keeps the rules that say where
// their guests may go. Runs as root in the host agent. What it yields is a `Nic`.
//
// Owner of: interfaces and namespaces named `<prefix>-<number>`, nft tables `inet` and `arp` `<prefix>`, the gateway's
// address on `lo`, two unreachable routes. Not owner of the processes in a namespace: whoever releases a slot has ended
// them. The lease of a slot lives in the caller's ledger; after a restart `adopt` takes it up again.
//
//   free number ──► making ──► ready ──acquire──► leased ──release──► cleaning ──► ready | free number
//   found at start ──adopt──► leased, or removed
//
// A running guest is never touched: neither by a restart, nor by new rules, nor by `close` when it is to be kept.

import type { Nic } from '@pandastack/driver/values.ts'
import { systemClock } from '@pandastack/kit/clock/clock.ts'
import type { Log } from '@pandastack/kit/log/log.ts'
import { parseCidr } from './address.ts'
import { NetworkError } from './errors.ts'
import { createHostRules, clearHost, prepareHost } from './host-rules.ts'
import { createPlan, type PlanSettings } from './plan.ts'
import { resolvConfUpstreams } from './resolver/resolv-conf.ts'
import { createResolver } from './resolver/resolver.ts'
import type { Upstream } from './resolver/upstream.ts'
import { checkCaps, defaultCaps, type Caps } from './rules/caps.ts'
import { rulesetText } from './rules/ruleset.ts'
import { createSlots } from './slots/slots.ts'
import { canForgetFlows } from './flows.ts'

export interface NetworkSettings extends PlanSettings {
  log: Log
  /** Slots kept ready. */
  shelfSize?: number
  caps?: Partial<Caps>
  /** Ranges that guests may reach although they are private, or not although they are public. */
  openRanges?: readonly string[]
  closedRanges?: readonly string[]
  /** Where our resolver asks; by default where this host does. */
  upstreams?: readonly Upstream[]
}

export interface NetworkLeak {
  kind: 'namespace' | 'link'
  name: string
  detail: string
}

export interface Network {
  readonly gateway: string
  /** A slot with address and route, ready for a machine. The caller owns it until `release`. */
  acquire(): Promise<Nic>
  /** Gives a slot its address and route again; a driver takes them away when it starts a machine. */
  refresh(nic: Nic): Promise<void>
  /** Forgets its flows and makes it ready for another, or removes it. Its processes must have ended. May be repeated. */
  release(nic: Nic): Promise<void>
  /** After a restart: these slots are in use, and everything else that was found at the start goes. */
  adopt(nics: readonly Nic[]): Promise<void>
  /** What bears our names and belongs to nobody. */
  leaks(known: readonly Nic[]): Promise<NetworkLeak[]>
  /** Removes everything except the slots in `keep`; their guests run on, under their rules. */
  close(options: { keep: readonly Nic[] }): Promise<void>
}

const dnsPort = 53

/** Operators' ranges become part of the rules' text, so nothing but ranges may pass. */
const checkRanges = (ranges: readonly string[]): readonly string[] => {
  const wrong = ranges.find((text) => parseCidr(text) === undefined)
  if (wrong !== undefined) throw new NetworkError('invalid', `${wrong.slice(0, 50)} is not an IPv4 range`)
  return ranges
}

/** Sets up this host and starts filling the shelf. Settles when the rules stand and the resolver listens. */
export const createNetwork = async (settings: NetworkSettings): Promise<Network> => {
  const { log, shelfSize = 8 } = settings
  const plan = createPlan(settings)
  const closed = checkRanges(settings.closedRanges ?? [])
  const open = checkRanges(settings.openRanges ?? [])
  const caps = checkCaps({ ...defaultCaps, ...settings.caps })
  await prepareHost(plan, log)
  const slots = await createSlots({
    plan,
    shelfSize,
    forgetsFlows: await canForgetFlows(),
    log,
    clock: systemClock,
  })
  const resolver = await createResolver({
    address: plan.gateway,
    port: dnsPort,
    clientOf: (address) => plan.slotOfAddress(address),
    upstreams: settings.upstreams ? () => settings.upstreams ?? [] : resolvConfUpstreams(plan.gateway),
    log,
  })
  const options = { resolverPort: resolver.port, closed, open }
  const rules = createHostRules(plan, rulesetText(plan, caps, options), log)
  try {
    await rules.apply()
  } catch (error) {
    await resolver.close()
    throw error
  }
  rules.watch()
  slots.fill()

  return {
    gateway: plan.gateway,
    acquire: () => slots.acquire(),
    refresh: (nic) => slots.refresh(nic),
    release: (nic) => slots.release(nic),
    adopt: (nics) => slots.adopt(nics),
    leaks: (known) => slots.leaks(known),
    async close({ keep }) {
      await rules.stop()
      await slots.close(keep)
      await resolver.close()
      if (keep.length === 0) await clearHost(plan)
    },
  }
}
