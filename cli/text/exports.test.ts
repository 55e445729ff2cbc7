import { expect, test } from 'vitest'
import { exportLines } from './exports.ts'

test('the published clients find URL and key', () => {
  expect(exportLines('pandastack', { url: 'http://[::1]:4280', key: 'pds_0a' })).toEqual({
    PANDASTACK_API: 'http://[::1]:4280',
    PANDASTACK_API_KEY: 'pds_0a',
  })
})

test.each(["x'; id; '", 'a b', '$(id)', 'x\n'])('%j never reaches a shell', (key) => {
  expect(() => exportLines('pandastack', { url: 'http://a', key })).toThrow('shell line')
})
