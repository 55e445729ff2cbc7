import { describe, expect, test } from 'vitest'
import { createShelf, type ShelfOptions } from './shelf.ts'

/** Makes numbers, as many as there are left; what is in the making waits for `finish`. */
const workshop = (options: Partial<ShelfOptions<number>> & { left?: number } = {}) => {
  let { left = 100 } = options
  let next = 0
  const batches: number[] = []
  const errors: unknown[] = []
  const shelf = createShelf<number>({
    target: 2,
    batch: 4,
    async make(count) {
      batches.push(count)
      await Promise.resolve()
      const made = Math.min(count, left)
      left -= made
      return Array.from({ length: made }, () => ++next)
    },
    exhausted: () => new Error('exhausted'),
    closed: () => new Error('closed'),
    onError: (error) => void errors.push(error),
    ...options,
  })
  return { shelf, batches, errors }
}
const settle = () => new Promise((resolve) => setImmediate(resolve))

describe('shelf', () => {
  test('fills to its target, hands out what is ready and fills again', async () => {
    const { shelf, batches } = workshop()
    shelf.refill()
    await settle()
    expect(shelf.ready).toEqual([1, 2])
    expect(await shelf.take()).toBe(1)
    await settle()
    expect(shelf.ready).toEqual([2, 3])
    expect(batches).toEqual([2, 1])
  })

  test('those who come to an empty shelf are served in order', async () => {
    const { shelf } = workshop({ target: 0 })
    expect(await Promise.all([shelf.take(), shelf.take(), shelf.take()])).toEqual([1, 2, 3])
  })

  test('makes no more at once than a batch', async () => {
    const { shelf, batches } = workshop({ target: 10 })
    shelf.refill()
    await settle()
    expect(batches).toEqual([4, 4, 2])
  })

  test('says so when there can be no more', async () => {
    const { shelf } = workshop({ left: 1 })
    const results = await Promise.allSettled([shelf.take(), shelf.take()])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  })

  test('what is put back serves who waits, and is refused when there is no room', async () => {
    const { promise, resolve } = Promise.withResolvers<number[]>()
    const { shelf } = workshop({ target: 1, make: () => promise })
    const taken = shelf.take()
    expect(shelf.put(77)).toBe(true)
    expect(await taken).toBe(77)
    resolve([1])
    await settle()
    expect(shelf.put(78)).toBe(false)
  })

  test('a failure reaches those who wait and is not repeated at once', async () => {
    const failure = new Error('no room')
    let attempts = 0
    const { shelf, errors } = workshop({
      make: () => {
        attempts += 1
        return Promise.reject(failure)
      },
    })
    await expect(shelf.take()).rejects.toBe(failure)
    expect(errors).toEqual([failure])
    const second = shelf.take()
    second.catch(() => undefined)
    await settle()
    expect(attempts).toBe(1)
    await shelf.close()
    await expect(second).rejects.toThrow('closed')
  })

  test('closing gives back what is ready and refuses everybody after', async () => {
    const { shelf } = workshop()
    shelf.refill()
    await settle()
    expect(await shelf.close()).toEqual([1, 2])
    await expect(shelf.take()).rejects.toThrow('closed')
    expect(shelf.put(9)).toBe(false)
  })

  test('what is in the making while it closes is given back too', async () => {
    const { promise, resolve } = Promise.withResolvers<number[]>()
    const { shelf } = workshop({ make: () => promise })
    shelf.refill()
    const closed = shelf.close()
    resolve([5])
    expect(await closed).toEqual([5])
  })
})
