// Random sequences of all that makes, moves and ends memory, on the real engine, against a model that holds what must be
// in each sandbox; and one sandbox that sleeps and wakes again and again and never loses a byte.

import * as fc from 'fast-check'
import { createHash, randomBytes, randomInt } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Model, steps, type Api } from './forking-model.ts'
import { startInstallation, whyNot, type Installation } from './installation.ts'
import { createSandbox, eventually, exec, listed, noLeaks, output, removeSandbox } from './sandboxes.ts'

const reason = await whyNot()
if (reason !== null) console.warn(`skipped: ${reason}`)

const sequences = 6
const stepsEach = 40
const sleeps = 15

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

describe.skipIf(reason !== null)('sandboxes that are forked, saved, taken back and ended', () => {
  let on: Installation
  beforeAll(async () => {
    on = await startInstallation()
    // The bake of the template is no part of what is tested here.
    await removeSandbox(on, (await createSandbox(on)).id)
  })
  afterEach(async () => {
    await eventually(
      () => on.snapshots(),
      (there) => there.length === 0,
      30_000,
    )
    expect(await listed(on)).toEqual([])
    await noLeaks(on)
  })
  afterAll(async () => {
    await on?.[Symbol.asyncDispose]()
  })

  const api = (): Api => ({
    ask: async (method, path, body) => {
      const { status, text } = await on.call(method, path, body)
      return { status, body: text === '' ? null : JSON.parse(text) }
    },
    async write(id, path, content) {
      const { status, text } = await on.call('PUT', `/v1/sandboxes/${id}/fs?path=${path}`, content)
      if (status !== 200) throw new Error(`a write was answered with ${status}: ${text}`)
    },
    async read(id, path) {
      const { status, text } = await on.call('GET', `/v1/sandboxes/${id}/fs?path=${path}`)
      if (status === 404) return null
      if (status !== 200) throw new Error(`a read was answered with ${status}: ${text}`)
      return text
    },
  })

  test('hold in any order what a model of them holds, and leave nothing', { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(steps(stepsEach), async (sequence) => {
        const model = new Model(api(), 'base')
        try {
          await model.run(sequence)
        } finally {
          await model.removeAll()
        }
      }),
      // A shorter sequence that fails as well would take minutes to find.
      { numRuns: sequences, endOnFailure: true },
    )
  })

  test(`lose no byte in ${sleeps} sleeps, of files or of memory`, { timeout: 600_000 }, async () => {
    const { id } = await createSandbox(on, { ttl_seconds: 3000 })
    await exec(on, id, `cat > /root/memory.py <<'END'\n${memory}\nEND`)
    await exec(on, id, `setsid python3 /root/memory.py </dev/null >/root/memory.log 2>&1 &`)
    const held = await eventually(
      () => output(on, id, 'cat /srv/held'),
      (text) => text !== '',
    )
    const known = new Map<string, string>()
    let counted = 0
    for (let sleep = 0; sleep < sleeps; sleep++) {
      const bytes = randomBytes(randomInt(1, 3_000_000))
      // Every third time over what is there already, and also where files are in memory.
      const path = [`/srv/file-${sleep}`, '/srv/again', `/tmp/file-${sleep}`][sleep % 3] as string
      expect((await on.call('PUT', `/v1/sandboxes/${id}/fs?path=${path}`, bytes)).status).toBe(200)
      known.set(path, sha256(bytes))
      expect((await on.call('POST', `/v1/sandboxes/${id}/hibernate`)).status).toBe(200)
      // By request, or by whatever comes.
      if (sleep % 2 === 0) expect((await on.call('POST', `/v1/sandboxes/${id}/wake`)).status).toBe(200)
      const sums = (await output(on, id, `sha256sum ${[...known.keys()].join(' ')}`)).split('\n')
      expect(Object.fromEntries(sums.map((line) => line.split(/ +/).toReversed()))).toEqual(
        Object.fromEntries(known),
      )
      expect(await output(on, id, 'cat /srv/held'), 'the process is the same one').toBe(held)
      const now = await eventually(
        async () => Number(await output(on, id, 'cat /srv/counted')),
        (n) => n > counted,
      )
      counted = now
      expect(await output(on, id, 'cat /srv/broken 2>/dev/null || echo none')).toBe('none')
    }
    await removeSandbox(on, id)
  })
})

/** Fills memory, and checks all of it for ever; counts how often it did. */
const memory = `
import hashlib, os, time
block = os.urandom(32 << 20)
held = hashlib.sha256(block).hexdigest()

def write(name, text):
    with open("/srv/" + name + ".new", "w") as file:
        file.write(text)
    os.rename("/srv/" + name + ".new", "/srv/" + name)

write("held", f"{os.getpid()} {held}")
count = 0
while True:
    if hashlib.sha256(block).hexdigest() != held:
        write("broken", str(count))
    count += 1
    write("counted", str(count))
    time.sleep(0.1)
`
