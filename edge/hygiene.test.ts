import { describe, expect, test } from 'vitest'
import type { IncomingMessage } from 'node:http'
import { guestHeaders, replyRewrite, takeToken } from './hygiene.ts'

const destination = { port: 80, sandboxId: 'id', host: '80-id.box.example' }
const key = `pds_${'a'.repeat(32)}`

const sent = (...headers: [string, string][]) => {
  const request = {
    rawHeaders: headers.flat(),
    socket: { remoteAddress: '192.0.2.1' },
  } as unknown as IncomingMessage
  return guestHeaders(request, destination, false).filter(([name]) => !name.startsWith('X-Forwarded-'))
}

describe('what a server in a sandbox sees of a request', () => {
  test.each([
    ['Authorization', `Bearer ${key}`],
    ['authorization', `Basic ${Buffer.from(`x:${key}`).toString('base64')}`],
    ['X-API-Key', key],
    ['X-Pandastack-Preview-Token', 'a.b'],
    ['x-pandastack-anything', '1'],
    ['Cookie', 'pandastack_preview=a.b'],
    ['X-Forwarded-For', '10.0.0.1'],
    ['Forwarded', 'for=10.0.0.1'],
    ['Referer', 'http://80-id.box.example/?pandastack_token=a.b'],
    ['Connection', 'close'],
  ])('is nothing of %s: %s', (name, value) => {
    expect(sent(['Host', destination.host], [name, value])).toEqual([['Host', destination.host]])
  })

  test('is the credentials of the application itself', () => {
    const own: [string, string][] = [
      ['Authorization', 'Bearer of-the-application'],
      ['X-API-Key', 'of-the-application'],
      ['Cookie', 'session=1'],
    ]
    expect(sent(...own)).toEqual(own)
    expect(sent(['Cookie', 'session=1; pandastack_preview=a.b'])).toEqual([['Cookie', 'session=1']])
  })
})

describe('what a client sees of a reply', () => {
  const rewrite = replyRewrite(destination)

  test.each([
    ['set-cookie', 'a=1; Domain=box.example'],
    ['set-cookie', 'a=1; domain=.box.example; Path=/'],
    ['set-cookie', 'pandastack_preview=x'],
    ['set-cookie', '__Host-pandastack=x; Secure; Path=/'],
    ['clear-site-data', '"*"'],
    ['service-worker-allowed', '/'],
    ['alt-svc', 'h3=":443"'],
    ['strict-transport-security', 'max-age=1'],
  ])('is nothing of %s: %s', (name, value) => {
    expect(rewrite(name, value)).toBeNull()
  })

  test('is its own cookies and everything else', () => {
    expect(rewrite('set-cookie', 'a=1; Path=/; HttpOnly')).toBe('a=1; Path=/; HttpOnly')
    expect(rewrite('set-cookie', `a=1; Domain=${destination.host}`)).not.toBeNull()
    expect(rewrite('location', 'https://elsewhere.example/')).toBe('https://elsewhere.example/')
  })
})

describe('the token in a query', () => {
  test.each([
    ['/a', '/a', null],
    ['/a?pandastack_token=t', '/a', 't'],
    ['/a?x=1&pandastack_token=t&y=%20+', '/a?x=1&y=%20+', 't'],
    ['/a?pandastack_token=t&pandastack_token=u', '/a', 't'],
    ['/a?pandastack%5Ftoken=t', '/a', 't'],
    ['/a?&&x', '/a?&&x', null],
  ])('is taken out of %s', (target, rest, token) => {
    expect(takeToken(target)).toEqual({ target: rest, token })
  })
})
