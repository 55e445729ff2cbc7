import { expect, test } from 'vitest'
import { retry, waitAfter, type RetryOptions } from './retry.ts'

const options: RetryOptions = { attempts: 3, firstWaitMs: 1, longestWaitMs: 2 }
const failing = (times: number) => (attempt: number) =>
  attempt <= times ? Promise.reject(new Error(`failed ${attempt}`)) : Promise.resolve(attempt)

test('answers with the first success', async () => {
  expect(await retry(failing(2), options)).toBe(3)
})

test('gives up after the last try, with its failure', async () => {
  await expect(retry(failing(3), options)).rejects.toThrow('failed 3')
})

test('gives up at once on a failure that will not pass', async () => {
  await expect(retry(failing(3), { ...options, passing: () => false })).rejects.toThrow('failed 1')
})

test('an abort ends the wait with its own reason', async () => {
  const abort = new AbortController()
  const tries: number[] = []
  const work = (attempt: number): Promise<never> => {
    tries.push(attempt)
    setImmediate(() => abort.abort(new Error('enough')))
    return Promise.reject(new Error('failed'))
  }
  const endless = { attempts: 9, firstWaitMs: 3_600_000, longestWaitMs: 3_600_000, signal: abort.signal }
  await expect(retry(work, endless)).rejects.toThrow('enough')
  expect(tries).toEqual([1])
})

const waits = (random: number) =>
  [1, 2, 3, 4, 50].map((attempt) =>
    waitAfter(attempt, { attempts: 99, firstWaitMs: 10, longestWaitMs: 60, random: () => random }),
  )

test('waits double up to the longest, spread over their upper half', () => {
  expect(waits(0)).toEqual([5, 10, 20, 30, 30])
  expect(waits(1)).toEqual([10, 20, 40, 60, 60])
})
