// What of ours exists in the kernel, by name: the truth against which leases are compared.

import { readdir } from 'node:fs/promises'
import { linksDir, netnsDir, type Plan } from '../plan.ts'

export interface Found {
  namespaces: Set<number>
  links: Set<number>
}

const slotsIn = async (plan: Plan, directory: string): Promise<Set<number>> => {
  try {
    const names = await readdir(directory)
    return new Set(names.flatMap((name) => plan.slotOfName(name) ?? []))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Set()
    throw error
  }
}

export const findSlots = async (plan: Plan): Promise<Found> => ({
  namespaces: await slotsIn(plan, netnsDir),
  links: await slotsIn(plan, linksDir),
})

export const allOf = ({ namespaces, links }: Found): number[] => [...namespaces.union(links)]
