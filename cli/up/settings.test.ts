import { expect, test } from 'vitest'
import { apiUrl, mergeSettings, parseListen } from './settings.ts'

test.each([
  ['127.0.0.1:80', '127.0.0.1', 80],
  ['[::1]:4280', '::1', 4280],
  ['panda.local:65535', 'panda.local', 65_535],
])('%s is an address', (text, host, port) => expect(parseListen(text)).toEqual({ host, port }))

test.each(['', '80', ':80', 'a:0', 'a:65536', 'a:b', '::1:80', 'a b:1', 'http://a:1'])(
  '%j is none',
  (text) => {
    expect(() => parseListen(text)).toThrow('HOST:PORT')
  },
)

test('an address for everybody is reached over loopback', () => {
  expect(apiUrl('0.0.0.0:80')).toBe('http://127.0.0.1:80')
  expect(apiUrl('[::]:80')).toBe('http://[::1]:80')
  expect(apiUrl('[fd00::1]:80')).toBe('http://[fd00::1]:80')
})

test('the command line goes before the environment, and that before what was kept', () => {
  const kept = { listen: 'a:1', prefix: 'kept', networkIndex: 3 }
  expect(mergeSettings(kept, {}, undefined)).toEqual({ ...kept, databaseUrl: null })
  expect(
    mergeSettings(kept, { PANDASTACK_LISTEN: 'b:2', PANDASTACK_NETWORK_INDEX: '0' }, 'c:3'),
  ).toMatchObject({
    listen: 'c:3',
    networkIndex: 0,
  })
})

test.each([
  [{ PANDASTACK_PREFIX: 'UP' }, 'PANDASTACK_PREFIX'],
  [{ PANDASTACK_NETWORK_INDEX: '16' }, 'PANDASTACK_NETWORK_INDEX'],
  [{ PANDASTACK_NETWORK_INDEX: 'x' }, 'PANDASTACK_NETWORK_INDEX'],
  [{ PANDASTACK_LISTEN: 'nowhere' }, 'HOST:PORT'],
])('%j is refused', (env, message) => expect(() => mergeSettings({}, env, undefined)).toThrow(message))
