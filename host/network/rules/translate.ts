// Stateless translation between the address that every guest has and the one that stands for it on this host. It comes
// before connection tracking on the way in and after it on the way out, so that the host never sees two flows as one.
// The same place pins a guest to its own addresses: what does not translate is dropped. Pure text.
//
// ICMP errors quote the packet they are about, with the slot address in it, and a guest ignores errors about packets it
// never sent. So the quoted address is translated too. nft cannot mend the checksum of that message; instead the unused
// field of the message takes up the difference, which depends on the slot alone.

import { formatIpv4, parseIpv4 } from '../address.ts'
import type { Plan } from '../plan.ts'
import type { Caps } from './caps.ts'

const hex = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`

const valueOf = (address: string): number => parseIpv4(address) ?? 0

const wordSum = (address: number): number => (address >>> 16) + (address & 0xffff)

/** What a 16-bit field must change by for the sum to stay when one address takes the place of the other. */
export const difference = (from: number, to: number): number =>
  (((wordSum(from) - wordSum(to)) % 0xffff) + 0xffff) % 0xffff

/** One element a slot, all there from the start: making a slot takes no transaction. */
const slotMap = (plan: Plan, name: string, type: string, valueOfSlot: (slot: number) => string): string => {
  const elements = Array.from(
    { length: plan.slotsMax },
    (_, index) => `"${plan.nameOf(index + 1)}" : ${valueOfSlot(index + 1)}`,
  )
  return `
  map ${name} {
    ${type}
    elements = { ${elements.join(', ')} }
  }`
}

const addressMap = (plan: Plan): string =>
  slotMap(plan, 'slots', 'type ifname : ipv4_addr', (slot) => plan.addressOf(slot))

/** An integer of 16 bits, which only fields of packets have for a type. */
const repairMap = (plan: Plan): string => {
  const guest = valueOf(plan.guestAddress)
  return slotMap(plan, 'repairs', 'typeof oifname : ip id', (slot) =>
    String(difference(valueOf(plan.addressOf(slot)), guest)),
  )
}

const bandwidthRule = (caps: Caps, side: 'saddr' | 'daddr'): string => {
  const { bandwidthBytesPerSecond: rate } = caps
  if (rate === undefined) return ''
  const burst = Math.max(1_048_576, Math.floor(rate / 4))
  const set = side === 'saddr' ? 'bytes_out' : 'bytes_in'
  return `update @${set} { ip ${side} limit rate over ${rate} bytes/second burst ${burst} bytes } counter name "slowed" drop`
}

export const translation = (plan: Plan, caps: Caps): string => {
  const { prefix, guestAddress, mac, slotRange } = plan
  const slotFirst = hex(slotRange.base + 1)
  const slotLast = hex(slotRange.base + plan.slotsMax)
  const dynamic = `size ${plan.slotsMax}\n    flags dynamic,timeout\n    timeout 1m`
  return `${addressMap(plan)}${repairMap(plan)}
  set senders {
    type ipv4_addr
    ${dynamic}
  }
  set bytes_out {
    type ipv4_addr
    ${dynamic}
  }
  set bytes_in {
    type ipv4_addr
    ${dynamic}
  }
  chain arriving {
    type filter hook prerouting priority raw - 10; policy accept;
    iifname "${prefix}-*" goto from_guest
  }
  chain from_guest {
    meta nfproto != ipv4 counter name "forged" drop
    ether saddr ${mac} ip saddr ${guestAddress} ip saddr set iifname map @slots goto from_slot
    counter name "forged" drop
  }
  chain from_slot {
    update @senders { ip saddr limit rate over ${caps.packetsPerSecond}/second burst ${caps.packetsBurst} packets } counter name "flooded" drop
    ${bandwidthRule(caps, 'saddr')}
  }
  chain departing {
    type filter hook postrouting priority 350; policy accept;
    oifname "${prefix}-*" goto to_guest
  }
  chain to_guest {
    meta nfproto != ipv4 drop
    ${bandwidthRule(caps, 'daddr')}
    icmp type { destination-unreachable, time-exceeded } @th,32,16 0 @th,160,32 ${slotFirst}-${slotLast} @th,32,16 set oifname map @repairs @th,160,32 set ${hex(valueOf(guestAddress))}
    ip daddr set ${guestAddress}
  }`
}

/**
 * Guests may say who they are and ask for their gateway; nothing else is taken from them. Here too the kernel sees slot
 * addresses, so that it finds the guest where its routes say it is, however strictly it checks.
 */
export const arpRules = (plan: Plan): string => `
  counter forged {
  }${addressMap(plan)}
  chain input {
    type filter hook input priority filter; policy accept;
    iifname "${plan.prefix}-*" goto from_guest
  }
  chain from_guest {
    arp saddr ip ${plan.guestAddress} arp saddr ether ${plan.mac} arp daddr ip ${plan.gateway} arp saddr ip set iifname map @slots accept
    counter name "forged" drop
  }
  chain output {
    type filter hook output priority filter; policy accept;
    oifname "${plan.prefix}-*" arp daddr ip set ${plan.guestAddress}
  }`

export const rangeText = (range: { base: number; bits: number }): string =>
  `${formatIpv4(range.base)}/${range.bits}`
