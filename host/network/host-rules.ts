// The part of the network that exists once: forwarding, the gateway's address, routes to nowhere under the slots' ranges,
// the rule set. Others may flush all rules (a firewall service that restarts does); until the next look the guests are
// cut off, because without translation their packets have no way back, and then the rules are put up again.

import { networkInterfaces } from 'node:os'
import { run, runChecked } from '@pandastack/kit/process/run.ts'
import type { Log } from '@pandastack/kit/log/log.ts'
import { NetworkError } from './errors.ts'
import { createBrake } from './flows.ts'
import { applyRules, baseChains, foreignDrops } from './nft.ts'
import type { Plan } from './plan.ts'
import { baseChainCounts, families, removalText } from './rules/ruleset.ts'
import { rangeText } from './rules/translate.ts'
import { readSysctl, writeSysctl } from './sysctl.ts'
import { collisions, readRoutes } from './uplink.ts'

const deadlineMs = 20_000
const brakeCheckMs = 1000
const rulesCheckMs = 5000

export interface HostRules {
  /** All or nothing, and without touching flows under way. */
  apply(): Promise<void>
  /** Puts the rules up again if they are not complete. */
  repair(): Promise<void>
  watch(): void
  stop(): Promise<void>
}

const routesUp = (plan: Plan): string => `addr replace ${plan.gateway}/32 dev lo
route replace unreachable ${rangeText(plan.slotRange)}
route replace unreachable ${rangeText(plan.guestRange)}
`
const routesDown = (plan: Plan): string => `addr del ${plan.gateway}/32 dev lo
route del unreachable ${rangeText(plan.slotRange)}
route del unreachable ${rangeText(plan.guestRange)}
`

const raise = async (plan: Plan): Promise<void> => {
  await runChecked('ip', ['-batch', '-'], { stdin: routesUp(plan), deadlineMs })
}

/** Network services that restart may clear away what they did not make. */
const isRaised = async (plan: Plan): Promise<boolean> => {
  const nowhere = (await readRoutes())
    .filter(({ device }) => device === '*')
    .map(({ range }) => rangeText(range))
  const ours = [plan.slotRange, plan.guestRange].map(rangeText)
  const loopback = networkInterfaces()['lo'] ?? []
  return (
    ours.every((range) => nowhere.includes(range)) && loopback.some(({ address }) => address === plan.gateway)
  )
}

/** Before anything listens or forwards. */
export const prepareHost = async (plan: Plan, log: Log): Promise<void> => {
  const taken = collisions(await readRoutes(), plan)
  if (taken.length > 0)
    throw new NetworkError('collision', `this host uses ${taken.join(', ')}: choose another network index`)
  if ((await readSysctl('ipv4/ip_forward')) !== '1') {
    await writeSysctl('ipv4/ip_forward', '1')
    log.info({ setting: 'net.ipv4.ip_forward' }, 'this host forwards packets from now on')
  }
  await raise(plan)
}

/** Only when no slot is left. */
export const clearHost = async (plan: Plan): Promise<void> => {
  await applyRules(removalText(plan))
  await run('ip', ['-force', '-batch', '-'], { stdin: routesDown(plan), deadlineMs })
}

export const createHostRules = (plan: Plan, text: string, log: Log): HostRules => {
  const expected = baseChainCounts(text)
  const brake = createBrake(plan.prefix)
  const timers: NodeJS.Timeout[] = []
  let work: Promise<void> = Promise.resolve()
  let reported = ''

  const report = (drops: string[]): void => {
    const text = drops.join(', ')
    if (text === reported) return
    reported = text
    if (text !== '')
      log.warn({ chains: drops }, 'chains of another firewall may drop what guests send or ask')
  }
  const apply = async (): Promise<void> => {
    await applyRules(text)
    brake.forget()
  }
  const repair = async (): Promise<void> => {
    if (!(await isRaised(plan))) await raise(plan)
    const chains = await baseChains()
    report(foreignDrops(chains, plan.prefix))
    const complete = families.every(
      (family) =>
        chains.filter((chain) => chain.table === plan.prefix && chain.family === family).length >=
        expected[family],
    )
    if (complete) return
    log.warn({ table: plan.prefix }, 'our network rules were gone; they are put up again')
    await apply()
  }
  /** One after the other, so that a slow host does not pile up processes. */
  const every = (periodMs: number, act: () => Promise<void>): void => {
    let idle = true
    const timer = setInterval(() => {
      if (!idle) return
      idle = false
      work = work
        .then(act)
        .catch((error: unknown) => log.error({ err: error }, 'network upkeep failed'))
        .finally(() => void (idle = true))
    }, periodMs)
    timer.unref()
    timers.push(timer)
  }
  return {
    apply,
    repair,
    watch() {
      every(brakeCheckMs, () => brake.check())
      every(rulesCheckMs, repair)
    },
    async stop() {
      timers.splice(0).forEach(clearInterval)
      await work
    },
  }
}
