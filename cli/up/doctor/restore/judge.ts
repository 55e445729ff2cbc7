// From what was seen at a fork to one line for each promise. Pure.

import type { Check } from '../checks.ts'
import { worstOf, type Bounds } from './clock.ts'
import { linesOf, readsOf, sharedCount, stepsBack } from './draws.ts'
import { told, type Findings } from './findings.ts'
import { clockErrorMaxMs, type Said } from './gather.ts'
import { judgeDraws, judgeReads } from './judge-draws.ts'
import { drawing } from './programs.ts'
import type { ServerState } from './server-state.ts'

const judgeNumber = ({ wanted, clones, failures, pauseMs }: Findings): Check => {
  const missing = wanted - clones.length - failures.length
  return told(
    'clones',
    [...failures, ...(missing > 0 ? [`${missing} are not accounted for`] : [])],
    `${clones.length} of ${wanted} came and did their part; the parent stood still for ${Math.round(pauseMs)} ms`,
  )
}

const ownFacts = {
  'host name': ({ hostname }) => hostname,
  'machine id': ({ machine_id: id }) => id,
  'boot id': ({ boot_id: id }) => id,
  generation: ({ generation }) => generation,
} satisfies Record<string, (state: ServerState) => string>

const judgeIdentity = ({ parent, clones }: Findings): Check => {
  const faults = Object.entries(ownFacts).flatMap(([what, factOf]) => {
    const owners = new Map<string, string>()
    return [parent, ...clones].flatMap(({ who, state }) => {
      const fact = factOf(state)
      const other = owners.get(fact)
      owners.set(fact, who)
      if (fact === '') return [`${who} has no ${what}`]
      return other === undefined ? [] : [`${other} and ${who} have the same ${what}, ${fact}`]
    })
  })
  return told('identity', faults, `all differ in ${Object.keys(ownFacts).join(', ')}`)
}

const shown = ({ leastMs, mostMs }: Bounds): string => `${leastMs.toFixed(1)} and ${mostMs.toFixed(1)} ms`

const judgeClocks = ({ parent, clones }: Findings): Check => {
  const all = [parent, ...clones]
  const worst = Math.max(...all.map(({ clock }) => worstOf(clock)))
  return told(
    'clock',
    [
      ...all
        .filter(({ clock }) => !(worstOf(clock) <= clockErrorMaxMs))
        .map(({ who, clock }) => `the clock of ${who} is between ${shown(clock)} ahead of ours`),
      ...all
        .filter(({ reads }) => stepsBack(reads) > 0)
        .map(({ who, reads }) => `the monotonic clock of ${who} went back ${stepsBack(reads)} times`),
    ],
    `at most ${worst.toFixed(1)} ms from ours, and the monotonic clock never went backwards`,
  )
}

/** The server in each is the parent's process, with its memory, and tells the clone's own identity. */
const judgeListeners = ({ before, clones }: Findings): Check =>
  told(
    'listener',
    clones.flatMap(({ who, state }) => [
      ...(state.token === before.token
        ? []
        : [`${who} is answered for by another process than the parent's`]),
      ...(state.hostname === before.hostname ? [`${who} answers under its parent's name`] : []),
      ...(state.address === before.address ? [] : [`${who} has the address ${state.address} inside`]),
    ]),
    `the server that was there before the fork answers in every clone, at ${before.address} inside and by its own way in`,
  )

const faultOfConnections = ({ who, state }: Said, before: ServerState): string[] => {
  const { inside, outside, streams } = state
  const lost = [outside.end, ...streams.map(({ end }) => end)]
  return [
    ...(inside.end !== null ? [`${who} lost its connection to itself: ${inside.end}`] : []),
    ...(inside.count <= before.inside.count ? [`the connection of ${who} to itself stands still`] : []),
    ...(outside.count < before.outside.count ? [`${who} was never connected to the outside`] : []),
    ...(streams.length === 0 ? [`${who} knows nothing of the request that was open`] : []),
    ...(lost.some((end) => end === null) ? [`${who} still holds connections that are its parent's`] : []),
    ...(lost.includes('TimeoutError') ? [`a connection of ${who} was silent instead of lost`] : []),
  ]
}

const judgeConnections = ({ before, clones }: Findings): Check =>
  told(
    'connections',
    [
      ...(before.outside.count === 0 ? [`the parent was never connected: ${before.outside.end}`] : []),
      ...clones.flatMap((clone) => faultOfConnections(clone, before)),
    ],
    'in every clone those to the outside are closed, those within go on, as docs/guides/clones.md says',
  )

const judgeParent = ({ before, parent, clones, stream }: Findings): Check => {
  const { state } = parent
  const same = Object.entries({ ...ownFacts, address: (one: ServerState) => one.address })
  const going = { itself: [before.inside, state.inside], 'the outside': [before.outside, state.outside] }
  const files = [
    { name: 'reads', all: readsOf(parent.reads), of: (clone: Said) => readsOf(clone.reads) },
    ...drawing.map((name) => ({
      name,
      all: linesOf(parent.draws[name]),
      of: (clone: Said) => linesOf(clone.draws[name]),
    })),
  ]
  const [clone] = clones
  return told(
    'parent',
    [
      ...(state.token === before.token ? [] : ['its server is another process now']),
      ...same
        .filter(([, factOf]) => factOf(state) !== factOf(before))
        .map(([what, factOf]) => `its ${what} was ${factOf(before)} and is ${factOf(state)}`),
      ...Object.entries(going)
        .filter(([, [then, now]]) => now?.end !== null || now.count <= (then?.count ?? 0))
        .map(([what, [, now]]) => `its connection to ${what} does not go on: ${now?.end}`),
      ...(stream.ended || stream.lastBytes <= stream.atForkBytes
        ? ['the request that was open does not go on']
        : []),
      ...files
        .filter(({ all, of }) => clone && sharedCount(all, of(clone)) >= all.length)
        .map(({ name }) => `its program "${name}" did not go on`),
    ],
    'its programs, connections and open request go on, and it is who it was',
  )
}

export const judge = (findings: Findings): Check[] => [
  judgeNumber(findings),
  judgeReads(findings),
  ...judgeDraws(findings),
  judgeIdentity(findings),
  judgeClocks(findings),
  judgeListeners(findings),
  judgeConnections(findings),
  judgeParent(findings),
]
