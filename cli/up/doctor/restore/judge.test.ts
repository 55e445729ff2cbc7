// What is as promised is told to be so, and each promise that is broken is noticed.

import { expect, test } from 'vitest'
import type { Findings } from './findings.ts'
import type { Said } from './gather.ts'
import { judge } from './judge.ts'
import type { ServerState } from './server-state.ts'

const state = (who: string): ServerState => ({
  token: 'memory',
  hostname: `name of ${who}`,
  machine_id: `machine of ${who}`,
  boot_id: `boot of ${who}`,
  generation: `generation of ${who}`,
  address: '10.0.0.2',
  wall_ns: '1',
  inside: { count: 9, end: null },
  outside: { count: 5, end: 'end of file' },
  streams: [{ count: 4, end: 'BrokenPipeError' }],
})

const read = (instant: number, value: string): Buffer => {
  const bytes = Buffer.alloc(32)
  bytes.writeBigUInt64LE(BigInt(instant), 0)
  bytes.writeBigUInt64LE(BigInt(instant), 8)
  bytes.write(value, 16, 'latin1')
  return bytes
}

const past = Array.from({ length: 3 }, (_, i) => read(i, `past ${i}`))
const reads = (who: number): Buffer =>
  Buffer.concat([
    ...past,
    ...Array.from({ length: 1000 }, (_, i) => read(10_000 * (who + 1) + i, `${who} ${i}`)),
  ])

/** Before the thaw cloned, after it only without a module. */
const python = (who: number, thaw: boolean): Buffer =>
  Buffer.from(
    `0 1 past u-past-${thaw}\n${who + 1} 1 same u-${who}-${thaw}-1\n` +
      `${who + 10} 2 ${thaw ? `own-${who}` : 'later'} u-${who}-${thaw}-2\n`,
  )
const node = (who: number, thaw: boolean): Buffer =>
  Buffer.from(
    `0 1 past u-past b-past\n` +
      `${who + 1} 1 same ${thaw ? `u-${who}-1 b-${who}-1` : 'u-same b-same'}\n` +
      `${who + 10} 2 ${thaw ? `own-${who} u-${who}-2 b-${who}-2` : 'later u-later b-later'}\n`,
  )

const said = (index: number): Said => {
  const who = index === 0 ? 'parent' : `clone ${index}`
  return {
    who,
    state: state(who),
    clock: { leastMs: -2, mostMs: 3 },
    reads: reads(index),
    draws: {
      python: python(index, false),
      'python-thaw': python(index, true),
      node: node(index, false),
      'node-thaw': node(index, true),
    },
  }
}

const good = (): Findings => {
  const parent = said(0)
  const before = structuredClone(parent.state)
  before.inside.count = 8
  before.outside = { count: 5, end: null }
  parent.state.outside = { count: 7, end: null }
  parent.state.streams = [{ count: 9, end: null }]
  const stream = { atForkBytes: 100, lastBytes: 200, ended: false }
  return {
    wanted: 3,
    pauseMs: 12,
    before,
    parent,
    clones: [said(1), said(2), said(3)],
    failures: [],
    stream,
  }
}

const failed = (findings: Findings): string[] =>
  judge(findings).flatMap(({ level, name, text }) => (level === 'ok' ? [] : [`${name}: ${text}`]))

test('what is as promised is good in every respect', () => {
  expect(failed(good())).toEqual([])
  expect(judge(good()).map(({ name }) => name)).toEqual([
    'clones',
    'getrandom',
    'uuid4',
    'python',
    'python thaw',
    'node',
    'node thaw',
    'identity',
    'clock',
    'listener',
    'connections',
    'parent',
  ])
})

test('a round of draws that the fork has cut in two is judged draw by draw', () => {
  const findings = good()
  const cut = (drawn: string): Change => draw('node-thaw', 'b-past\n', `b-past\n0.5 1 half u-half ${drawn}\n`)
  for (const [i, one] of [findings.parent, ...findings.clones].entries()) cut(`b-half-${i}`)(one, findings)
  expect(failed(findings)).toEqual([])
  const [, second, third] = findings.clones as [Said, Said, Said]
  third.draws['node-thaw'] = edit(third.draws['node-thaw'], 'b-half-3', 'b-half-2')
  expect(second.draws['node-thaw'].toString()).toContain('b-half-2')
  expect(failed(findings).join('\n')).toContain('clone 2 and clone 3 both drew b-half-2')
})

const edit = (log: Buffer, from: string, to: string): Buffer =>
  Buffer.from(log.toString('latin1').replace(from, to), 'latin1')

type Change = (clone: Said, findings: Findings) => void
const draw =
  (name: keyof Said['draws'], from: string, to: string): Change =>
  ({ draws }) =>
    void (draws[name] = edit(draws[name], from, to))

/** What is done to the third clone, and what is then said. */
const broken: [string, Change, string][] = [
  ['a clone is missing', (_, all) => void all.clones.pop(), 'clones: 1 are not accounted for'],
  [
    'a clone did not do its part',
    (_, all) => {
      all.clones.pop()
      all.failures.push('clone 3: only two of it')
    },
    'clones: clone 3: only two of it',
  ],
  [
    'the first read after the fork is that of another clone',
    (clone) => void (clone.reads = edit(clone.reads, '3 0', '2 0')),
    'getrandom: clone 2 and clone 3 both drew',
  ],
  [
    'a read is one of the past',
    (clone) => void (clone.reads = edit(clone.reads, '3 7', 'past 1'.padEnd(3))),
    'getrandom: clone 3 and before the fork both drew',
  ],
  [
    'a clone read too little',
    (clone) => void (clone.reads = clone.reads.subarray(0, -32)),
    'getrandom: clone 3 read 999 times only',
  ],
  [
    'nothing is known of the past',
    (_, { parent }) => void (parent.reads = parent.reads.subarray(32)),
    'getrandom: nothing was read before the fork',
  ],
  [
    'a uuid occurs twice',
    draw('python', 'u-3-false-1', 'u-1-false-1'),
    'uuid4: clone 1 and clone 3 both drew',
  ],
  [
    'a uuid of the past occurs again, with the module',
    draw('python-thaw', 'u-3-true-2', 'u-past-true'),
    'uuid4: clone 3 and before the fork both drew',
  ],
  [
    'whoever looks for repeats does not see them',
    (clone) => void (clone.draws.python = Buffer.from('0 1 past u-past-false\n4 1 x v\n13 2 y w\n')),
    'python: clone 3 drew from random what nobody else did',
  ],
  [
    'a number after the thaw is what another drew before it',
    draw('python-thaw', 'own-3', 'same'),
    'python thaw: clone 3 and parent both drew same',
  ],
  [
    'nothing was drawn after the thaw',
    draw('python-thaw', '13 2', '13 1'),
    'python thaw: clone 3 drew nothing from random',
  ],
  [
    'a program without the module is not found cloned',
    (clone) => void (clone.draws.node = Buffer.from('0 1 past u-past b-past\n4 1 x y z\n13 2 v w q\n')),
    'node: clone 3 drew from Math.random what nobody else did',
  ],
  [
    'bytes are cloned before the thaw, with the module',
    draw('node-thaw', 'b-3-1', 'b-2-1'),
    'node thaw: clone 2 and clone 3 both drew b-2-1 from randomBytes',
  ],
  [
    'Math.random after the thaw is that of another clone',
    draw('node-thaw', 'own-3', 'own-1'),
    'node thaw: clone 1 and clone 3 both drew own-1',
  ],
  [
    'a name is that of the parent',
    ({ state: mine }) => void (mine.hostname = 'name of parent'),
    'identity: parent and clone 3 have the same host name',
  ],
  [
    'a boot id is that of another clone',
    ({ state: mine }) => void (mine.boot_id = 'boot of clone 1'),
    'identity: clone 1 and clone 3 have the same boot id',
  ],
  [
    'a clone has no generation',
    ({ state: mine }) => void (mine.generation = ''),
    'identity: clone 3 has no generation',
  ],
  [
    'a clock is late',
    (clone) => void (clone.clock = { leastMs: -80, mostMs: -60 }),
    'clock: the clock of clone 3 is between -80.0 and -60.0 ms ahead of ours',
  ],
  [
    'nobody knows what a clock says',
    (clone) => void (clone.clock = { leastMs: Number.NaN, mostMs: Number.NaN }),
    'clock: the clock of clone 3',
  ],
  [
    'a monotonic clock goes back',
    (clone) => void clone.reads.writeBigUInt64LE(0n, 32 * 9 + 8),
    'clock: the monotonic clock of clone 3 went back 1 times',
  ],
  [
    'another server answers',
    ({ state: mine }) => void (mine.token = 'other'),
    'listener: clone 3 is answered for by another process',
  ],
  [
    'the parent answers for its clone',
    ({ state: mine }) => void (mine.hostname = 'name of parent'),
    "listener: clone 3 answers under its parent's name",
  ],
  [
    'a clone has another address inside',
    ({ state: mine }) => void (mine.address = '10.0.0.3'),
    'listener: clone 3 has the address 10.0.0.3 inside',
  ],
  [
    'a connection within is lost',
    ({ state: mine }) => void (mine.inside.end = 'BrokenPipeError'),
    'connections: clone 3 lost its connection to itself: BrokenPipeError',
  ],
  [
    'a connection within stands still',
    ({ state: mine }) => void (mine.inside.count = 8),
    'connections: the connection of clone 3 to itself stands still',
  ],
  [
    'a connection to the outside is kept',
    ({ state: mine }) => void (mine.outside.end = null),
    "connections: clone 3 still holds connections that are its parent's",
  ],
  [
    'the request that was open is served on',
    ({ state: mine }) => void (mine.streams = [{ count: 4, end: null }]),
    "connections: clone 3 still holds connections that are its parent's",
  ],
  [
    'a connection hangs until it times out',
    ({ state: mine }) => void (mine.outside.end = 'TimeoutError'),
    'connections: a connection of clone 3 was silent instead of lost',
  ],
  [
    'there was no connection to lose',
    (_, { before }) => void (before.outside = { count: 0, end: 'ConnectionRefusedError' }),
    'connections: the parent was never connected: ConnectionRefusedError',
  ],
  [
    'the parent became somebody else',
    (_, { parent }) => void (parent.state.machine_id = 'new'),
    'parent: its machine id was machine of parent and is new',
  ],
  [
    'the parent started again',
    (_, { parent }) => void (parent.state.token = 'new'),
    'parent: its server is another process now',
  ],
  [
    'the parent lost a connection',
    (_, { parent }) => void (parent.state.outside.end = 'ConnectionResetError'),
    'parent: its connection to the outside does not go on: ConnectionResetError',
  ],
  [
    'the open request of the parent is cut',
    (_, { stream }) => void (stream.ended = true),
    'parent: the request that was open does not go on',
  ],
  [
    'a program of the parent stands still',
    (_, { parent }) => void (parent.draws.node = Buffer.from('0 1 past u-past b-past\n')),
    'parent: its program "node" did not go on',
  ],
]

test.each(broken)('%s', (_, change, expected) => {
  const findings = good()
  change(findings.clones[2] as Said, findings)
  expect(failed(findings).join('\n')).toContain(expected)
})
