// Attempts over plain HTTP: commands tried in a fork each, judged, the best one kept, the others gone.

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { countOf, listedIds, startCounter, statusOf } from './counter.ts'
import type { Count } from './counter.ts'
import { begin, boxOf, call, createBox, eventsOf, send } from './raw.ts'
import type { Answer, Box } from './raw.ts'

let box: Box & AsyncDisposable
let before: Count
beforeEach(async () => {
  box = await createBox({ template: 'base' })
  before = await startCounter(box)
  await box.exec('mkdir -p /root/job; echo parent > /root/job/who')
})
afterEach(() => box?.[Symbol.asyncDispose]())

const anyone = '00000000-0000-4000-8000-000000000000'
const refused = ({ status, body }: Answer) => [status, typeof body.error]

interface Outcome {
  index: number
  label: string
  state: string
  exit_code: number | null
  stdout: string
  stderr: string
  score: number | null
  files: { path: string; change: string }[]
  error: string | null
}

const attempt = async (wish: object) => {
  const reply = await call('POST', `${box.path}/attempts`, wish)
  expect(reply.status, reply.text).toBe(200)
  return reply.body as {
    parent_id: string
    outcomes: Outcome[]
    winner: number | null
    winner_sandbox_id: string | null
    merged: string[]
    merge_error: string | null
  }
}
const states = (outcomes: Outcome[]) => outcomes.map(({ state }) => state)

/** Nothing of the attempts is left but the parent and what is named. */
const expectOnly = async (others: readonly string[], ...kept: string[]): Promise<void> => {
  await expect
    .poll(async () => (await listedIds()).toSorted(), { timeout: 30_000 })
    .toEqual([...others, ...kept].toSorted())
}

const secretAndName = 'curl -s localhost:8000; cat /root/job/who'

describe('attempts', () => {
  test('run each in a fork of its own, which has the memory of the parent and leaves it alone', async () => {
    const others = await listedIds()
    const result = await attempt({
      commands: [
        `${secretAndName}; echo one > /root/job/who; echo x > /root/job/new`,
        {
          cmd: 'echo $COLOUR; pwd; cat /root/job/new; exit 3',
          label: 'second',
          env: { COLOUR: 'red' },
          cwd: '/root/job',
        },
        'echo out; echo err >&2',
      ],
    })
    expect(result).toMatchObject({
      parent_id: box.id,
      winner_sandbox_id: null,
      merged: [],
      merge_error: null,
    })
    expect(states(result.outcomes)).toEqual(['succeeded', 'failed', 'succeeded'])
    const [one, two, three] = result.outcomes as [Outcome, Outcome, Outcome]
    expect(one.stdout).toContain(before.secret)
    expect(one.stdout.endsWith('parent\n')).toBe(true)
    expect(one.files).toEqual(
      expect.arrayContaining([
        { path: '/root/job/new', change: 'added' },
        { path: '/root/job/who', change: 'changed' },
      ]),
    )
    expect(two).toMatchObject({ label: 'second', exit_code: 3, stdout: 'red\n/root/job\n' })
    expect(two.stderr).toContain('No such file')
    expect(three).toMatchObject({ stdout: 'out\n', stderr: 'err\n', exit_code: 0, score: 1 })
    expect([0, 2]).toContain(result.winner)
    expect((await box.exec('cat /root/job/who; ls /root/job')).stdout).toBe('parent\nwho\n')
    expect((await countOf(box)).secret).toBe(before.secret)
    await expectOnly(others)
  })

  test('are judged by a command, and the best lives on', async () => {
    const others = await listedIds()
    const result = await attempt({
      commands: [3, 9, 5].map((points) => `echo ${points} > /root/job/points`),
      score_cmd: 'echo points: $(cat /root/job/points)',
      winner: 'keep',
      files: false,
    })
    expect(result.outcomes.map(({ score }) => score)).toEqual([3, 9, 5])
    expect(result.winner).toBe(1)
    await using winner = boxOf(result.winner_sandbox_id ?? '')
    expect(winner.id).not.toBe(box.id)
    expect((await winner.exec('cat /root/job/points')).stdout).toBe('9\n')
    expect((await countOf(winner)).secret).toBe(before.secret)
    expect(await statusOf(box)).toBe('running')
    await expectOnly(others, winner.id)
  })

  test('can put the best in the place of the parent, memory and files', async () => {
    const others = await listedIds()
    const result = await attempt({
      commands: ['exit 1', 'curl -s localhost:8000; curl -s localhost:8000; echo won > /root/job/who'],
      winner: 'take_over',
    })
    expect([result.winner, result.winner_sandbox_id]).toEqual([1, box.id])
    expect((await box.exec('cat /root/job/who')).stdout).toBe('won\n')
    expect(await countOf(box)).toMatchObject({ secret: before.secret, asked: before.asked + 3 })
    await expectOnly(others)
  })

  test('can merge the files of the best into the parent, whose memory stays', async () => {
    const others = await listedIds()
    const result = await attempt({
      commands: [
        'echo won > /root/job/who; mkdir /root/job/sub; echo new > /root/job/sub/new; curl -s localhost:8000',
      ],
      winner: 'merge',
    })
    expect(result.merge_error).toBeNull()
    expect(result.merged).toEqual(expect.arrayContaining(['/root/job/who', '/root/job/sub/new']))
    expect((await box.exec('cat /root/job/who /root/job/sub/new')).stdout).toBe('won\nnew\n')
    expect(await countOf(box)).toMatchObject({ secret: before.secret, asked: before.asked + 1 })
    await expectOnly(others)
  })

  test('stop at the first success or at a score that is enough, if that is wished', async () => {
    const others = await listedIds()
    const first = await attempt({
      commands: ['sleep 300', 'true', 'sleep 300', 'true'],
      concurrency: 2,
      stop: 'first_success',
    })
    expect(first.winner).toBe(1)
    expect(states(first.outcomes).filter((state) => state === 'succeeded')).toHaveLength(1)
    expect(['given_up', 'not_started']).toContain(first.outcomes[0]?.state)
    const enough = await attempt({
      commands: ['echo 1', 'echo 8', 'sleep 300', 'echo 9'].map((cmd) => `${cmd} | tee /root/job/points`),
      concurrency: 1,
      stop: 'best_score',
      score_cmd: 'cat /root/job/points',
      score_enough: 8,
    })
    expect(enough.winner).toBe(1)
    expect(states(enough.outcomes)).toEqual(['succeeded', 'succeeded', 'not_started', 'not_started'])
    await expectOnly(others)
  })

  test('have deadlines, one each and one for all', async () => {
    const others = await listedIds()
    const each = await attempt({ commands: [{ cmd: 'sleep 300', timeout_seconds: 1 }, 'true'] })
    expect(states(each.outcomes)).toEqual(['timed_out', 'succeeded'])
    expect(each.winner).toBe(1)
    const all = await attempt({ commands: ['sleep 300', 'sleep 300'], concurrency: 1, deadline_seconds: 3 })
    expect(all.winner).toBeNull()
    expect(['timed_out', 'given_up']).toContain(all.outcomes[0]?.state)
    expect(['given_up', 'not_started']).toContain(all.outcomes[1]?.state)
    await expectOnly(others)
  })
})

describe('attempts as a stream', () => {
  const headers = { 'content-type': 'application/json', accept: 'text/event-stream' }

  test('are told as they end, and last as a whole', async () => {
    const wish = { commands: ['sleep 2; echo slow', 'echo fast'] }
    const reply = await send('POST', `${box.path}/attempts`, { headers, body: JSON.stringify(wish) })
    expect(reply.headers['content-type']).toBe('text/event-stream; charset=utf-8')
    const events: { event: string; data: { index?: number; stdout?: string; outcomes?: Outcome[] } }[] = []
    for await (const { event, data } of eventsOf(reply)) events.push({ event, data: JSON.parse(data) })
    expect(events.map(({ event }) => event)).toEqual(['outcome', 'outcome', 'result'])
    expect(events.map(({ data }) => data.stdout)).toEqual(['fast\n', 'slow\n', undefined])
    expect(events[2]?.data.outcomes?.map(({ stdout }) => stdout)).toEqual(['slow\n', 'fast\n'])
  })

  test('show life while nothing ends', async () => {
    const wish = { commands: ['sleep 11'] }
    const reply = await send('POST', `${box.path}/attempts`, { headers, body: JSON.stringify(wish) })
    let text = ''
    for await (const piece of reply) text += String(piece)
    expect(text.startsWith(': ping\n\n')).toBe(true)
    expect(text).toContain('event: result\n')
  })

  test.each(['text/event-stream', 'application/json'])(
    'leave nothing behind when the client hangs up (%s)',
    async (accept) => {
      const others = await listedIds()
      const body = JSON.stringify({ commands: ['sleep 300', 'sleep 300'] })
      const cut = begin('POST', `${box.path}/attempts`, {
        ...headers,
        accept,
        'content-length': String(body.length),
      })
      cut.on('error', () => undefined)
      cut.end(body)
      await expect.poll(async () => (await listedIds()).length, { timeout: 30_000 }).toBe(others.length + 2)
      cut.destroy()
      await expectOnly(others)
      expect(await statusOf(box)).toBe('running')
    },
  )

  test('of a sandbox that is not there do not begin', async () => {
    const path = `/v1/sandboxes/${anyone}/attempts`
    const reply = await send('POST', path, { headers, body: '{"commands":["true"]}' })
    expect([reply.statusCode, reply.headers['content-type']]).toEqual([
      404,
      'application/json; charset=utf-8',
    ])
    reply.destroy()
  })
})

test('nonsense is refused in words', async () => {
  const commands = ['true']
  for (const bad of [
    {},
    { commands: [] },
    { commands: 'true' },
    { commands: [''] },
    { commands: [7] },
    { commands: Array(101).fill('true') },
    { commands, concurrency: 0 },
    { commands, concurrency: 'x' },
    { commands, deadline_seconds: -1 },
    { commands, stop: 'never' },
    { commands, winner: 'all' },
    { commands: [{ cmd: 'true', timeout_seconds: 0 }] },
    [],
    '{',
  ])
    expect(refused(await call('POST', `${box.path}/attempts`, bad)), JSON.stringify(bad)).toEqual([
      400,
      'string',
    ])
  for (const id of [anyone, 'none'])
    expect(refused(await call('POST', `/v1/sandboxes/${id}/attempts`, { commands }))).toEqual([404, 'string'])
})
