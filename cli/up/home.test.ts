import { expect, test } from 'vitest'
import { homeOf } from './home.ts'

test('an installation lies where PANDASTACK_HOME says, or under /var/lib', () => {
  expect(homeOf({}).agentSocket).toBe('/var/lib/pandastack/run/agent.sock')
  expect(homeOf({ PANDASTACK_HOME: '/srv/panda/' }).pg).toBe('/srv/panda/pg')
  expect(homeOf({ PANDASTACK_HOME: '' }).dir).toBe('/var/lib/pandastack')
})

test('a path that no socket fits into is refused', () => {
  expect(() => homeOf({ PANDASTACK_HOME: `/${'x'.repeat(90)}` })).toThrow('too long')
})
