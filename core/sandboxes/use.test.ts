import { expect, test } from 'vitest'
import type { Live } from './registry.ts'
import { expiresMs, hostIsBehind, idleAtMs, nextLookMs } from './use.ts'

const sandbox = (over: {
  status?: string
  persistent?: boolean
  lastUsedMs?: number
  uses?: number
  hostExpiresMs?: number | null
  desired?: string
  hibernateAfter?: number
  activeMs?: number
}): Live =>
  ({
    row: {
      status: over.status ?? 'running',
      desired: over.desired ?? 'running',
      persistent: over.persistent ?? false,
      ttl_seconds: 100,
      hibernate_after_seconds: over.hibernateAfter ?? null,
    },
    activeMs: over.activeMs ?? -Infinity,
    lastUsedMs: over.lastUsedMs ?? 0,
    uses: over.uses ?? 0,
    hostExpiresMs: over.hostExpiresMs === undefined ? 100_000 : over.hostExpiresMs,
  }) as Live

test('the end comes a TTL after the last use, and not while a stream is open', () => {
  expect(expiresMs(sandbox({ lastUsedMs: 7000 }), 50_000)).toBe(107_000)
  expect(expiresMs(sandbox({ lastUsedMs: 7000, uses: 1 }), 50_000)).toBe(150_000)
  expect(expiresMs(sandbox({ persistent: true }), 50_000)).toBe(Infinity)
})

test('an unused sandbox is looked at half-way, then at its end', () => {
  expect(nextLookMs(sandbox({}), 0)).toBe(50_000)
  expect(nextLookMs(sandbox({}), 50_000)).toBe(50_000)
  expect(nextLookMs(sandbox({}), 100_000)).toBe(0)
})

test('a used sandbox costs the host nothing until half of what it was told has passed', () => {
  const used = sandbox({ lastUsedMs: 40_000 })
  expect(hostIsBehind(used, 40_000)).toBe(false)
  expect(nextLookMs(used, 40_000)).toBe(10_000)
  expect(hostIsBehind(used, 50_000)).toBe(true)
  expect(nextLookMs(used, 50_000)).toBe(0)
})

test('a use late in the time of the host is told at once', () => {
  expect(hostIsBehind(sandbox({ lastUsedMs: 99_000 }), 99_000)).toBe(true)
})

test('a host that allows more time than is left is not told', () => {
  expect(hostIsBehind(sandbox({ hostExpiresMs: 127_000 }), 90_000)).toBe(false)
  expect(nextLookMs(sandbox({ hostExpiresMs: 127_000 }), 90_000)).toBe(10_000)
})

test('a sandbox that has become persistent is told at once, and never looked at again', () => {
  expect(nextLookMs(sandbox({ persistent: true }), 1000)).toBe(0)
  expect(nextLookMs(sandbox({ persistent: true, hostExpiresMs: Infinity }), 1000)).toBeNull()
})

test('nothing is told where there is no machine or the host has not been compared with yet', () => {
  for (const over of [{ status: 'failed' }, { hostExpiresMs: null }]) {
    const live = sandbox({ ...over, lastUsedMs: 99_000 })
    expect([hostIsBehind(live, 99_500), nextLookMs(live, 99_500)]).toEqual([false, 99_500])
  }
})

test('while it is hibernated, or about to be, its time stands still', () => {
  expect(expiresMs(sandbox({ status: 'hibernated', desired: 'hibernated' }), 0)).toBe(Infinity)
  expect(expiresMs(sandbox({ desired: 'hibernated' }), 0)).toBe(Infinity)
  expect(
    nextLookMs(sandbox({ status: 'hibernated', desired: 'hibernated', hibernateAfter: 5 }), 0),
  ).toBeNull()
})

test('it is idle when neither a caller nor a program inside has done anything for so long', () => {
  expect(idleAtMs(sandbox({}), 0)).toBe(Infinity)
  expect(idleAtMs(sandbox({ hibernateAfter: 5, lastUsedMs: 1000 }), 2000)).toBe(6000)
  expect(idleAtMs(sandbox({ hibernateAfter: 5, lastUsedMs: 1000, activeMs: 1500 }), 2000)).toBe(6500)
  expect(idleAtMs(sandbox({ hibernateAfter: 5, lastUsedMs: 1000, uses: 1 }), 2000)).toBe(7000)
  expect(idleAtMs(sandbox({ hibernateAfter: 5, status: 'paused' }), 2000)).toBe(Infinity)
  expect(nextLookMs(sandbox({ hibernateAfter: 5, lastUsedMs: 0 }), 1000)).toBe(4000)
})
