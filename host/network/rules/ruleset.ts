// The whole rule set of an installation as one transaction: it replaces what was there in an instant, whether there was
// something or not, and touches no table but ours. Flows under way go on, because what decides about them is kept by
// connection tracking and not in the tables. Pure text.
//
// An `accept` of ours lets a packet go on to the chains of others: where another firewall forwards nothing by default
// (container engines do), or lets nothing in, guests have no network until its owner makes an exception for our
// interfaces. `foreignDrops` in ../nft.ts finds such chains.

import type { Plan } from '../plan.ts'
import type { Caps } from './caps.ts'
import { policy, type PolicyOptions } from './policy.ts'
import { arpRules, translation } from './translate.ts'

/** Families in which we keep a table; it bears the prefix as its name. */
export const families = ['inet', 'arp'] as const

/** Removes our tables, if they exist. */
export const removalText = (plan: Plan): string =>
  families
    .map((family) => `add table ${family} ${plan.prefix}\ndelete table ${family} ${plan.prefix}\n`)
    .join('')

export const rulesetText = (plan: Plan, caps: Caps, options: PolicyOptions): string => `${removalText(plan)}
table arp ${plan.prefix} {${arpRules(plan)}
}
table inet ${plan.prefix} {
${policy(plan, caps, options)}
${translation(plan, caps)}
}
`

const hooksIn = (text: string): number => text.match(/^\s*type \w+ hook /gm)?.length ?? 0

/** How many chains with a hook a complete rule set has, by family. */
export const baseChainCounts = (text: string): Record<'inet' | 'arp', number> => {
  const [arp = '', inet = ''] = text.split(/^table inet /m)
  return { arp: hooksIn(arp), inet: hooksIn(inet) }
}
