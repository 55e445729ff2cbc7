import { expect, test } from 'vitest'
import { hostOf } from './host-name.ts'

const request = (url: string, ...hosts: string[]) => ({
  url,
  rawHeaders: hosts.flatMap((host) => ['Host', host]),
  headers: hosts[0] === undefined ? {} : { host: hosts[0] },
})

test('the host is what the one header says', () => {
  expect(hostOf(request('/v1/me', 'api.example:8080'))).toBe('api.example:8080')
  expect(hostOf(request('/v1/me'))).toBe('')
})

test('two Host headers are refused, the same or not', () => {
  expect(hostOf(request('/', 'a.example', 'b.example'))).toBeNull()
  expect(hostOf(request('/', 'a.example', 'a.example'))).toBeNull()
})

test('an absolute URL must name the same host and is cut down to its path', () => {
  const same = request('http://A.example/v1/me?x=1', 'a.example')
  expect(hostOf(same)).toBe('a.example')
  expect(same.url).toBe('/v1/me?x=1')
  const bare = request('http://a.example?x=1', 'a.example')
  hostOf(bare)
  expect(bare.url).toBe('/?x=1')
  expect(hostOf(request('http://b.example/v1/me', 'a.example'))).toBeNull()
  expect(hostOf(request('http://a.example:81/v1/me', 'a.example'))).toBeNull()
  expect(hostOf(request('a.example:443', 'a.example'))).toBeNull()
})
