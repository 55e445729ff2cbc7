// Makes, refreshes and removes slots in the kernel: a namespace, a pair of interfaces, addresses and routes. Knows
// nothing of who uses which. Fails with CommandFailed or NetworkError; a make that fails leaves nothing behind.

import { access } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { run, runChecked } from '@pandastack/kit/process/run.ts'
import { NetworkError } from '../errors.ts'
import { linksDir, type Plan } from '../plan.ts'
import { writeSysctls } from '../sysctl.ts'
import { uplinkMtu } from '../uplink.ts'
import {
  hostEndSysctls,
  linkNames,
  makeLines,
  refreshLines,
  removeLines,
  removeLinkLines,
} from './commands.ts'

const deadlineMs = 20_000
/** A namespace is taken down in the background; its interface vanishes some milliseconds later. */
const vanishMs = 1000
const pollMs = 10
/** How many namespaces are gone into at a time. */
const parallelRefreshes = 4

const exists = async (path: string): Promise<boolean> => {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}

const linkExists = (plan: Plan, slot: number): Promise<boolean> => exists(`${linksDir}/${plan.nameOf(slot)}`)

/** Gives a slot its address and route, and proves that it holds nothing but its own interface. */
export const refreshSlot = async (plan: Plan, slot: number): Promise<void> => {
  const { stdout } = await runChecked('ip', ['-n', plan.nameOf(slot), '-batch', '-'], {
    stdin: refreshLines(plan),
    deadlineMs,
  })
  const strange = linkNames(stdout).filter((name) => name !== 'lo' && name !== 'eth0' && !isBuiltIn(name))
  if (strange.length > 0)
    throw new NetworkError('unclean', `${plan.nameOf(slot)} holds ${strange.join(', ').slice(0, 200)}`)
}

/** Fallback devices that some kernels put into every new namespace. */
const isBuiltIn = (name: string): boolean =>
  /^(tunl0|gre0|gretap0|erspan0|ip_vti0|ip6_vti0|sit0|ip6tnl0|ip6gre0|ifb\d+|teql0|bonding_masters)$/.test(
    name,
  )

const refreshAll = async (plan: Plan, slots: readonly number[]): Promise<void> => {
  for (let at = 0; at < slots.length; at += parallelRefreshes) {
    await Promise.all(slots.slice(at, at + parallelRefreshes).map((slot) => refreshSlot(plan, slot)))
  }
}

/** Ready for use. Nothing of these slots may exist. */
export const makeSlots = async (plan: Plan, slots: readonly number[]): Promise<void> => {
  const mtu = await uplinkMtu()
  try {
    const stdin = slots.map((slot) => makeLines(plan, slot, mtu)).join('')
    await runChecked('ip', ['-batch', '-'], { stdin, deadlineMs })
    for (const slot of slots) await writeSysctls(hostEndSysctls(plan, slot))
    await refreshAll(plan, slots)
  } catch (error) {
    await removeSlots(plan, slots)
    throw error
  }
}

const batchAnyway = async (lines: string): Promise<void> => {
  await run('ip', ['-force', '-batch', '-'], { stdin: lines, deadlineMs })
}

const stillThere = async (plan: Plan, slots: readonly number[]): Promise<number[]> => {
  const there: number[] = []
  for (const slot of slots) if (await linkExists(plan, slot)) there.push(slot)
  return there
}

/** May be repeated, and takes half-made slots too. Settles when the names are free again. */
export const removeSlots = async (plan: Plan, slots: readonly number[]): Promise<void> => {
  if (slots.length === 0) return
  await batchAnyway(slots.map((slot) => removeLines(plan, slot)).join(''))
  let left = await stillThere(plan, slots)
  for (let waitedMs = 0; left.length > 0 && waitedMs < vanishMs; waitedMs += pollMs) {
    await sleep(pollMs)
    left = await stillThere(plan, left)
  }
  if (left.length === 0) return
  await batchAnyway(left.map((slot) => removeLinkLines(plan, slot)).join(''))
  const stuck = await stillThere(plan, left)
  if (stuck.length > 0)
    throw new NetworkError('unclean', `cannot remove ${stuck.map((slot) => plan.nameOf(slot)).join(', ')}`)
}
