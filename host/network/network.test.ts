import { expect, test } from 'vitest'
import { silentLog } from '@pandastack/kit/log/log.ts'
import { createNetwork } from './network.ts'

test.each([
  { prefix: 'ps', openRanges: ['10.0.0.0/8, 0.0.0.0/0 }'] },
  { prefix: 'ps', closedRanges: ['example.com'] },
  { prefix: 'Not a prefix' },
])('%o is refused before anything on the host is changed', async (settings) => {
  await expect(createNetwork({ ...settings, log: silentLog() })).rejects.toMatchObject({ kind: 'invalid' })
})
