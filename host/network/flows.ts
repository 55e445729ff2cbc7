// The host's table of connections, shared by everybody on it: flows of a slot are forgotten when its user leaves, and
// new ones are refused while the table is nearly full, so that guests cannot lock the host out of its own network.

import { run } from '@pandastack/kit/process/run.ts'
import { NetworkError } from './errors.ts'
import { applyRules } from './nft.ts'
import { readSysctl } from './sysctl.ts'

const deadlineMs = 20_000

/** Whether the tool that forgets flows is installed. */
export const canForgetFlows = async (): Promise<boolean> => {
  try {
    return (await run('conntrack', ['--version'], { deadlineMs })).exitCode === 0
  } catch {
    return false
  }
}

/**
 * Those that the slot opened; what the host opened towards it ends with the host's sockets. Walks the whole table, so it
 * is done once a lease and never on the way to a user. Exit code 1 means that there were none.
 */
export const forgetFlows = async (slotAddress: string): Promise<void> => {
  const { timedOut } = await run('conntrack', ['-D', '-s', slotAddress], { deadlineMs, maxOutputBytes: 4096 })
  if (timedOut) throw new NetworkError('unclean', `flows of ${slotAddress} could not be forgotten`)
}

export const brakeAt = 0.7
const releaseAt = 0.6

/** Whether new flows are to be refused, given how full the table is and whether they are now. */
export const shouldBrake = (braked: boolean, count: number, max: number): boolean =>
  count > max * (braked ? releaseAt : brakeAt)

const setText = (prefix: string, braked: boolean): string =>
  braked ? `add element inet ${prefix} braked { tcp, udp, icmp }\n` : `flush set inet ${prefix} braked\n`

export interface Brake {
  readonly braked: boolean
  /** Reads how full the table is and acts on it. */
  check(): Promise<void>
  /** The rules were made anew, and a new set is empty. */
  forget(): void
}

export const createBrake = (prefix: string): Brake => {
  let braked = false
  return {
    get braked() {
      return braked
    },
    async check() {
      const count = Number(await readSysctl('netfilter/nf_conntrack_count'))
      const max = Number(await readSysctl('netfilter/nf_conntrack_max'))
      // Not numbers when the kernel has not loaded connection tracking yet; then nothing is full.
      const wanted = shouldBrake(braked, count, max)
      if (wanted === braked) return
      await applyRules(setText(prefix, wanted))
      braked = wanted
    },
    forget: () => void (braked = false),
  }
}
