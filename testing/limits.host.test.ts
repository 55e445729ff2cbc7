// What one sandbox can take away from the others and from the server: nothing. Each test does its worst inside one
// sandbox while a neighbour goes on answering.

import { readFile, statfs, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Sandbox } from '@pandastack/contracts/http/shapes.ts'
import { startInstallation, whyNot, type Installation } from './installation.ts'
import {
  createSandbox,
  eventually,
  exec,
  found,
  noLeaks,
  output,
  removeAll,
  removeSandbox,
} from './sandboxes.ts'

const reason = await whyNot()
if (reason !== null) console.warn(`skipped: ${reason}`)

const mib = 1_048_576
const gib = 1024 * mib

describe.skipIf(reason !== null)('limits', () => {
  let on: Installation
  let neighbour: Sandbox
  beforeAll(async () => {
    on = await startInstallation()
    neighbour = await createSandbox(on)
  })
  afterAll(async () => {
    await on?.[Symbol.asyncDispose]()
  })

  /** The neighbour answers again and again until `over` settles. */
  const whileNeighbourAnswers = async <T>(over: Promise<T>): Promise<T> => {
    const worst = { over: false }
    const watched = over.finally(() => (worst.over = true))
    watched.catch(() => undefined)
    let answers = 0
    do {
      expect(await output(on, neighbour.id, 'echo here')).toBe('here')
      answers += 1
      await sleep(200)
    } while (!worst.over || answers < 3)
    return watched
  }
  /** Running, or failed for a reason that names what happened; either way it can be deleted. */
  const endsWell = async (id: string): Promise<void> => {
    const sandbox = await found(on, id)
    expect(['running', 'failed']).toContain(sandbox?.status)
    if (sandbox?.status === 'failed') expect(sandbox.failure).not.toBeNull()
    await removeSandbox(on, id)
    await noLeaks(on)
  }

  test('a fork bomb hurts its own sandbox alone', async () => {
    const { id } = await createSandbox(on)
    const bomb = on.call('POST', `/v1/sandboxes/${id}/exec`, {
      cmd: 'bash -c "bomb() { bomb | bomb & }; bomb; sleep 6"',
      timeout_seconds: 8,
    })
    const { status } = await whileNeighbourAnswers(bomb)
    expect([200, 502, 503, 504]).toContain(status)
    await endsWell(id)
  })

  test('memory without end ends what took it, or its sandbox, and nothing else', async () => {
    const { id, memory_mb: sizeMb } = await createSandbox(on)
    const freeBefore = await availableBytes()
    let leastFree = Infinity
    const sampling = sample(async () => (leastFree = Math.min(leastFree, await availableBytes())))
    const hog = on.call('POST', `/v1/sandboxes/${id}/exec`, {
      cmd: `python3 -c '
b = []
while True: b.append(bytearray(b"x") * 16777216)
' ; echo "ended with $?"`,
      timeout_seconds: 60,
    })
    const reply = await whileNeighbourAnswers(hog)
    await sampling[Symbol.asyncDispose]()
    if (reply.status === 200) expect(reply.json()).toMatchObject({ stdout: 'ended with 137\n' })
    else {
      const failed = await eventually(
        () => found(on, id),
        (sandbox) => sandbox?.status === 'failed',
      )
      expect(failed?.failure).toContain('memory')
    }
    expect(freeBefore - leastFree).toBeLessThan(2 * sizeMb * mib)
    await endsWell(id)
  })

  test('a disk that is full is full at its size, and the space is back with the sandbox gone', async ({
    skip,
  }) => {
    const { id, disk_mb: diskMb } = await createSandbox(on)
    const before = await freeBytes(on)
    if (before < (diskMb * mib * 5) / 4) {
      await removeSandbox(on, id)
      skip(`the data volume has ${Math.round(before / gib)} GiB free, which is not enough to fill a disk`)
    }
    const fill = exec(on, id, `dd if=/dev/zero of=/srv/fill bs=4M count=${diskMb} 2>&1; stat -c %s /srv/fill`)
    const { stdout } = await whileNeighbourAnswers(fill)
    expect(stdout).toContain('No space left on device')
    const written = Number(stdout.trim().split('\n').at(-1))
    expect(written).toBeGreaterThan(diskMb * mib * 0.95)
    expect(written).toBeLessThan(diskMb * mib * 1.02)
    expect(await output(on, id, 'rm /srv/fill && echo usable > /srv/small && cat /srv/small')).toBe('usable')
    await removeSandbox(on, id)
    await eventually(
      () => freeBytes(on),
      (free) => free > before - gib,
    )
  })

  test('output without end neither fills the memory of the server nor stops it', async () => {
    const { id } = await createSandbox(on)
    const flood = 'head -c 500000000 /dev/zero | tr "\\0" x'
    // Once with as much as is kept, so that buffers that stay are there before anything is measured.
    expect((await exec(on, id, flood.replace('500000000', '9000000'))).truncated).toBe(true)
    const growth = await startMeasure(on.controlPlane.pid)
    const kept = await whileNeighbourAnswers(exec(on, id, flood))
    expect(kept.truncated).toBe(true)
    expect(kept.stdout.length).toBeLessThanOrEqual(8 * mib)

    // A reader who does not read: the command waits, nothing is piled up for him.
    const hangUp = new AbortController()
    const reply = await fetch(`${on.api}/v1/sandboxes/${id}/exec/stream`, {
      method: 'POST',
      headers: { authorization: `Bearer ${on.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ cmd: flood }),
      signal: hangUp.signal,
    })
    await whileNeighbourAnswers(sleep(3000))
    hangUp.abort()
    await reply.body?.cancel().catch(() => undefined)
    expect(await growth(), 'bytes that the server grew by').toBeLessThan(64 * mib)
    await removeAll(on)
  })
})

const numberIn = (text: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) * 1024

const availableBytes = async (): Promise<number> =>
  numberIn(await readFile('/proc/meminfo', 'utf8'), 'MemAvailable')

const freeBytes = async (on: Installation): Promise<number> => {
  const { bavail, bsize } = await statfs(`${on.home}/data`)
  return bavail * bsize
}

/** From now on; the returned function tells by how much the process was larger than now at its largest. */
const startMeasure = async (pid: number): Promise<() => Promise<number>> => {
  const status = (): Promise<string> => readFile(`/proc/${pid}/status`, 'utf8')
  // Forgets the largest size so far.
  await writeFile(`/proc/${pid}/clear_refs`, '5')
  const before = numberIn(await status(), 'VmRSS')
  return async () => numberIn(await status(), 'VmHWM') - before
}

const sample = (look: () => Promise<unknown>): AsyncDisposable => {
  const stop = new AbortController()
  const sampling = (async () => {
    while (!stop.signal.aborted) {
      await look()
      await sleep(50)
    }
  })()
  return {
    async [Symbol.asyncDispose]() {
      stop.abort()
      await sampling
    },
  }
}
