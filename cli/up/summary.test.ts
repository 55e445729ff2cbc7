import { expect, test } from 'vitest'
import { summary } from './summary.ts'

test('URL, key, tier with its reason and three lines to paste', () => {
  const text = summary({
    url: 'http://127.0.0.1:4280',
    key: 'pds_x',
    tier: { tier: 'user-kernel', reason: 'gVisor; no /dev/kvm' },
    program: './pandastack',
  })
  expect(text).toContain('  API        http://127.0.0.1:4280\n')
  expect(text).toContain('  Key        pds_x\n')
  expect(text).toContain('  Isolation  user-kernel (gVisor; no /dev/kvm)\n')
  const paste = text.slice(text.indexOf('Paste this:')).split('\n\n')[1]?.split('\n')
  expect(paste).toHaveLength(3)
  expect(paste?.[0]).toBe('  eval "$(./pandastack env)"')
})
