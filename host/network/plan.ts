// Names and addresses of one installation. Pure: everything follows from the prefix, the index and the slot's number, so
// that slots can be told from their names after a restart and two installations on one machine never meet.
//
//   guest 10.200.<index>.2 ── eth0 [namespace ps-7] ══ ps-7 [host] ── slot address 10.<201 + index>.0.7
//
// The guest has the same address in every slot; the slot address stands for it everywhere on the host.

import type { Nic } from '@pandastack/driver/values.ts'
import { contains, formatIpv4, overlaps, parseCidr, parseIpv4, sizeOf, type Cidr } from './address.ts'
import { NetworkError } from './errors.ts'

export interface PlanSettings {
  /** Names of interfaces, namespaces and tables start with it. */
  prefix: string
  /** Installations on one machine take different ones. */
  index?: number
  guestCidr?: string
  slotCidr?: string
  slotsMax?: number
}

export interface Plan {
  readonly prefix: string
  readonly slotsMax: number
  readonly gateway: string
  readonly guestAddress: string
  readonly mac: string
  readonly guestRange: Cidr
  readonly slotRange: Cidr
  /** Name of the slot's namespace and of its interface on the host. */
  nameOf(slot: number): string
  slotOfName(name: string): number | undefined
  addressOf(slot: number): string
  slotOfAddress(address: string): number | undefined
  nicOf(slot: number): Nic
}

export const netnsDir = '/run/netns'
/** Has an entry for each interface of the reader's network namespace, while /sys shows those of whoever mounted it. */
export const linksDir = '/proc/sys/net/ipv4/conf'
const indexMax = 15
/** Interface names end at 15 characters: eight, a dash, five digits. */
const prefixPattern = /^[a-z][a-z0-9]{0,7}$/

const invalid = (message: string): NetworkError => new NetworkError('invalid', message)

const rangesOf = (settings: PlanSettings, slotsMax: number): { guest: Cidr; slots: Cidr } => {
  const { index = 0 } = settings
  if (!Number.isInteger(index) || index < 0 || index > indexMax)
    throw invalid(`index must be 0 to ${indexMax}`)
  const guest = parseCidr(settings.guestCidr ?? `10.200.${index}.0/30`)
  const slots = parseCidr(settings.slotCidr ?? `10.${201 + index}.0.0/16`)
  if (guest?.bits !== 30) throw invalid('guestCidr must be an aligned /30')
  if (!slots || slots.bits < 8 || slotsMax > sizeOf(slots.bits) - 2) {
    throw invalid(`slotCidr must be an aligned range with room for ${slotsMax} slots`)
  }
  if (overlaps(guest, slots)) throw invalid('guestCidr and slotCidr overlap')
  return { guest, slots }
}

export const createPlan = (settings: PlanSettings): Plan => {
  const { prefix, slotsMax = 16_384 } = settings
  if (!prefixPattern.test(prefix)) throw invalid(`prefix must match ${prefixPattern.source}`)
  if (!Number.isInteger(slotsMax) || slotsMax < 1 || slotsMax > 65_000)
    throw invalid('slotsMax must be 1 to 65000')
  const { guest, slots } = rangesOf(settings, slotsMax)
  const gateway = formatIpv4(guest.base + 1)
  const guestAddress = formatIpv4(guest.base + 2)
  const guestBytes = guestAddress.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'))
  const mac = `02:00:${guestBytes.join(':')}`
  const isSlot = (slot: number): boolean => Number.isInteger(slot) && slot >= 1 && slot <= slotsMax

  const nameOf = (slot: number): string => `${prefix}-${slot}`
  const addressOf = (slot: number): string => formatIpv4(slots.base + slot)
  return {
    prefix,
    slotsMax,
    gateway,
    guestAddress,
    mac,
    guestRange: guest,
    slotRange: slots,
    nameOf,
    slotOfName(name) {
      const digits = name.startsWith(`${prefix}-`) ? name.slice(prefix.length + 1) : ''
      return /^[1-9]\d{0,4}$/.test(digits) && isSlot(Number(digits)) ? Number(digits) : undefined
    },
    addressOf,
    slotOfAddress(address) {
      const value = parseIpv4(address)
      if (value === undefined || !contains(slots, value)) return undefined
      return isSlot(value - slots.base) ? value - slots.base : undefined
    },
    nicOf: (slot) => ({
      slot,
      netnsPath: `${netnsDir}/${nameOf(slot)}`,
      device: 'eth0',
      mac,
      guestAddress,
      prefixLength: guest.bits,
      gateway,
      hostAddress: addressOf(slot),
    }),
  }
}
