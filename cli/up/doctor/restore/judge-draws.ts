// Random numbers of programs that were running at the fork. What the documentation calls cloned has to be found cloned:
// otherwise whoever looks for repeats here is blind, and finding none elsewhere means nothing. Pure.

import type { Check } from '../checks.ts'
import {
  columnOf,
  drawOf,
  linesOf,
  phaseOf,
  readsOf,
  repeatsOf,
  sharedCount,
  valueOfRead,
  type Draws,
  type Repeat,
} from './draws.ts'
import { told, type Findings } from './findings.ts'
import { readsWanted, type Drawing } from './programs.ts'
import type { Said } from './gather.ts'

interface Log {
  who: string
  records: string[]
}

interface Parted {
  /** Before the fork; the same in all. */
  past: string[]
  /** Since the fork; the parent's is the first. */
  logs: Log[]
}

/** The parent's own past ends where the last of its clones parted from it. */
const part = ({ parent, clones }: Findings, recordsOf: (said: Said) => string[]): Parted => {
  const common = recordsOf(parent)
  const logs = clones.map((clone) => {
    const records = recordsOf(clone)
    return { who: clone.who, shared: sharedCount(common, records), records }
  })
  const pastCount = Math.max(0, ...logs.map(({ shared }) => shared))
  return {
    past: common.slice(0, pastCount),
    logs: [
      { who: parent.who, records: common.slice(pastCount) },
      ...logs.map(({ who, shared, records }) => ({ who, records: records.slice(shared) })),
    ],
  }
}

const sentenceOf = ({ who, other, value }: Repeat, what: string): string =>
  who === other
    ? `${who} drew ${value} from ${what} twice`
    : `${who} and ${other} both drew ${value} from ${what}`

const valuesOf = ({ who, records }: Log, valueOf: (record: string) => string): Draws => ({
  who,
  values: records.map(valueOf),
})

export const judgeReads = (findings: Findings): Check => {
  const { past, logs } = part(findings, ({ reads }) => readsOf(reads))
  const drawn = logs.map((log) => valuesOf(log, valueOfRead))
  const all = [{ who: 'before the fork', values: past.map(valueOfRead) }, ...drawn]
  const few = logs.slice(1).filter(({ records }) => records.length < readsWanted)
  const count = drawn.reduce((sum, { values }) => sum + values.length, 0)
  return told(
    'getrandom',
    [
      ...(past.length === 0 ? ['nothing was read before the fork'] : []),
      ...few.map(({ who, records }) => `${who} read ${records.length} times only`),
      ...repeatsOf(drawn, all).map((repeat) => sentenceOf(repeat, 'the kernel')),
    ],
    `${count} reads of 16 bytes by programs that were at it when they were cloned, from the first one on: no value twice`,
  )
}

interface Generator {
  name: string
  column: number
}

/** Everything that was drawn of one generator, and of that what is on trial. */
const drawsOf = (
  findings: Findings,
  drawing: Drawing,
  { column }: Generator,
  onTrial: 'all' | 'after the thaw',
): { suspects: Draws[]; all: Draws[] } => {
  // A line with several draws may be cut in two by the fork: each generator is judged by its own part of it.
  const { past, logs } = part(findings, ({ draws }) =>
    linesOf(draws[drawing]).map((line) => drawOf(line, column)),
  )
  const valueOf = (draw: string): string => columnOf(draw, 0)
  const all = [{ who: 'before the fork', records: past }, ...logs].map((log) => valuesOf(log, valueOf))
  const late = (draw: string): boolean => onTrial === 'all' || phaseOf(draw) === '2'
  const suspects = logs
    .slice(1)
    .map(({ who, records }) => valuesOf({ who, records: records.filter(late) }, valueOf))
  return { suspects, all }
}

/** No clone drew what anybody else drew. */
const fresh = (
  findings: Findings,
  drawing: Drawing,
  generator: Generator,
  onTrial: 'all' | 'after the thaw',
): string[] => {
  const { suspects, all } = drawsOf(findings, drawing, generator, onTrial)
  const idle = suspects.filter(({ values }) => values.length === 0)
  return [
    ...idle.map(({ who }) => `${who} drew nothing from ${generator.name}`),
    ...repeatsOf(suspects, all).map((repeat) => sentenceOf(repeat, generator.name)),
  ]
}

/** Every clone drew what somebody else drew. */
const cloned = (findings: Findings, drawing: Drawing, generator: Generator): string[] => {
  const { suspects, all } = drawsOf(findings, drawing, generator, 'all')
  const found = new Set(repeatsOf(suspects, all).map(({ who }) => who))
  return suspects
    .filter(({ who }) => !found.has(who))
    .map(({ who }) => `${who} drew from ${generator.name} what nobody else did, which cannot be`)
}

const random = { name: 'random', column: 0 }
const uuid4 = { name: 'uuid4', column: 1 }
const mathRandom = { name: 'Math.random', column: 0 }
const randomUUID = { name: 'randomUUID', column: 1 }
const randomBytes = { name: 'randomBytes', column: 2 }

export const judgeDraws = (findings: Findings): Check[] => [
  told(
    'uuid4',
    [...fresh(findings, 'python', uuid4, 'all'), ...fresh(findings, 'python-thaw', uuid4, 'all')],
    "Python's uuid.uuid4, from the first one on: no value twice",
  ),
  told(
    'python',
    cloned(findings, 'python', random),
    "random is cloned without pandastack_thaw, as docs/guides/clones.md says: all clones drew each other's numbers",
  ),
  told(
    'python thaw',
    fresh(findings, 'python-thaw', random, 'after the thaw'),
    'random with pandastack_thaw: no number of anybody else once the clone was handed over',
  ),
  told(
    'node',
    [mathRandom, randomUUID, randomBytes].flatMap((generator) => cloned(findings, 'node', generator)),
    'Math.random, randomUUID and randomBytes are cloned without thaw.cjs, as docs/guides/clones.md says',
  ),
  told(
    'node thaw',
    [
      ...fresh(findings, 'node-thaw', mathRandom, 'after the thaw'),
      ...fresh(findings, 'node-thaw', randomUUID, 'all'),
      ...fresh(findings, 'node-thaw', randomBytes, 'all'),
    ],
    'with thaw.cjs: Math.random as Python, randomUUID and randomBytes from the first one on: no value twice',
  ),
]
