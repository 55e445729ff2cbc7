// A program in a sandbox whose state is in its memory and nowhere else (`guest-counter.py`): by it the tests see
// whether a fork, a snapshot or a sleep has kept memory.

import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { ask, call } from './raw.ts'
import type { Box } from './raw.ts'

export const counterPort = 8000

export interface Count {
  /** Drawn when the program started. */
  secret: string
  /** What it did by itself. */
  ticks: number
  /** How often it was asked, this time included. */
  asked: number
}

const source = readFileSync(new URL('guest-counter.py', import.meta.url))

/** Its answer, through the sandbox's port. */
export const countOf = async (box: Box): Promise<Count> => {
  const reply = await ask('GET', `${box.path}/proxy/${counterPort}/`)
  expect(reply.status, reply.text).toBe(200)
  return reply.body
}

export const startCounter = async (box: Box): Promise<Count> => {
  await ask('PUT', `${box.path}/fs?path=/root/counter.py`, { body: source })
  await box.exec(`setsid python3 /root/counter.py ${counterPort} </dev/null >/tmp/counter.log 2>&1 &`)
  await box.exec(`until curl -sf localhost:${counterPort} >/dev/null; do sleep 0.05; done`)
  return countOf(box)
}

/** It runs by itself: later asked, it has ticked on. */
export const expectTicking = async (box: Box, since: number): Promise<void> => {
  await expect.poll(async () => (await countOf(box)).ticks, { timeout: 10_000 }).toBeGreaterThan(since)
}

export const statusOf = async (box: Pick<Box, 'path'>): Promise<string> =>
  (await call('GET', box.path)).body.status

/** Ids of all sandboxes that there are. */
export const listedIds = async (): Promise<string[]> =>
  (await call('GET', '/v1/sandboxes')).body.map((one: { id: string }) => one.id)
