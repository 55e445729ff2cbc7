// What a user needs to go on: where, with which key, how isolated, and three lines to paste.

import { askAgent } from './supervisor/agent-door.ts'
import type { Home } from './home.ts'

export interface Tier {
  tier: string
  reason: string
}

const askMs = 5000

/** How this host isolates sandboxes; null when its agent does not answer. */
export const readTier = async (home: Pick<Home, 'agentSocket'>): Promise<Tier | null> => {
  try {
    const { body } = await askAgent(home, 'GET', '/v1/host', askMs)
    const { tier, tierReason } = JSON.parse(body) as { tier?: string; tierReason?: string }
    return tier === undefined ? null : { tier, reason: tierReason ?? '' }
  } catch {
    return null
  }
}

export const summary = (options: {
  url: string
  key: string
  tier: Tier | null
  program: string
}): string => {
  const { url, key, tier, program } = options
  const isolation =
    tier === null ? 'not known: the host agent does not answer' : `${tier.tier} (${tier.reason})`
  return [
    '',
    `  API        ${url}`,
    `  Key        ${key}`,
    `  Isolation  ${isolation}`,
    '',
    'Paste this:',
    '',
    `  eval "$(${program} env)"`,
    `  id=$(${program} sandbox create --template agent)`,
    `  ${program} sandbox exec $id -- python -c 'print(2 + 2)'`,
    '',
    'The Python and npm clients (pandastack, @pandastack/sdk) read what the first line sets.',
    '',
  ].join('\n')
}
