import { expect, test } from 'vitest'
import { identity } from '@pandastack/kit/process/identity.ts'
import { parseStats, readStats } from './process-stats.ts'

test('figures are read from behind a name that holds brackets and spaces', () => {
  const fields = ['S', ...Array.from({ length: 49 }, (_, index) => String(index + 4))]
  fields[14 - 3] = '150'
  fields[15 - 3] = '50'
  fields[20 - 3] = '7'
  fields[22 - 3] = '1000'
  fields[23 - 3] = '8192'
  fields[24 - 3] = '3'
  expect(parseStats(`42 (a) b (c) ${fields.join(' ')}`, 30)).toEqual({
    pid: 42,
    cpuSeconds: 2,
    threads: 7,
    uptimeSeconds: 20,
    vszBytes: 8192,
    rssBytes: 12_288,
  })
})

test('a process that is another one by now has no figures', async () => {
  const us = identity(process.pid)!
  expect((await readStats(us))?.pid).toBe(process.pid)
  expect(await readStats({ ...us, startTime: '1' })).toBeNull()
  expect(await readStats({ pid: 2 ** 22 + 1, startTime: '1' })).toBeNull()
})
