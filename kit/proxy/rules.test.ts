import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { readCookie, setCookieScope, withoutCookies } from './cookies.ts'
import { claimsOrigin, countHeader, endToEnd, reachesBeyond } from './headers.ts'
import { inScope } from './path-scope.ts'

const as = (_name: string, value: string) => value

describe('headers on their way through a proxy', () => {
  test('keep order and duplicates, and lose what belongs to one connection', () => {
    const raw = ['Host', 'a', 'Connection', 'keep-alive, X-Once', 'X-Once', '1', 'Accept', 'b', 'accept', 'c']
    raw.push('Transfer-Encoding', 'chunked', 'Upgrade', 'h2c', 'TE', 'trailers', 'Proxy-Authorization', 'x')
    expect(endToEnd(raw, as)).toEqual([
      ['Host', 'a'],
      ['Accept', 'b'],
      ['accept', 'c'],
    ])
    expect(countHeader(raw, 'accept')).toBe(2)
  })

  test('are changed or dropped by the rewrite, which sees lower-case names', () => {
    const seen: string[] = []
    const rewritten = endToEnd(['X-A', '1', 'X-B', '2'], (name, value) => {
      seen.push(name)
      return name === 'x-a' ? null : `${value}!`
    })
    expect(rewritten).toEqual([['X-B', '2!']])
    expect(seen).toEqual(['x-a', 'x-b'])
  })

  test('that claim an origin or reach beyond their resource are known by name', () => {
    expect(['x-forwarded-for', 'x-forwarded-whatever', 'forwarded', 'x-real-ip'].every(claimsOrigin)).toBe(
      true,
    )
    expect(claimsOrigin('x-forward')).toBe(false)
    const wide = ['alt-svc', 'clear-site-data', 'strict-transport-security', 'service-worker-allowed']
    expect(wide.every(reachesBeyond)).toBe(true)
    expect(reachesBeyond('cache-control')).toBe(false)
  })
})

describe('cookies', () => {
  test('of ours are taken out and the others stay as they were', () => {
    const ours = (name: string) => name === 'pass'
    expect(withoutCookies('a=1; pass=secret; b=x=y; pass=again', ours)).toBe('a=1; b=x=y')
    expect(withoutCookies('pass=secret', ours)).toBeNull()
    expect(readCookie('a=1; pass=p=q;pass=2', 'pass')).toBe('p=q')
    expect(readCookie(undefined, 'pass')).toBeNull()
  })

  test('no name that is ours survives, whatever stands around it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('pass', 'a', ' pass', 'pass ', 'b'), fc.string())),
        (list) => {
          const header = list.map(([name, value]) => `${name}=${value}`).join(';')
          const left = withoutCookies(header, (name) => name === 'pass')
          for (const pair of (left ?? '').split(';')) expect(pair.split('=', 1)[0]?.trim()).not.toBe('pass')
        },
      ),
    )
  })

  test('that are set tell their name and the last domain they ask for', () => {
    expect(setCookieScope('sid=1; Path=/; domain=.Example.com; HttpOnly')).toEqual({
      name: 'sid',
      domain: 'example.com',
    })
    expect(setCookieScope('sid=1; Domain=a.example; Domain=example').domain).toBe('example')
    expect(setCookieScope('sid=1; Path=/').domain).toBeNull()
  })
})

describe('the scope of a path', () => {
  test.each([
    ['/api', true],
    ['/api/x?y=/../z', true],
    ['/api/', true],
    ['/apix', false],
    ['/', false],
    ['/other/api', false],
    ['/api/../secret', false],
    ['/api/%2e%2e/secret', false],
    ['/api/.%2E/secret', false],
    ['/api/..;/secret', false],
    ['/api%2fx', false],
    ['/api/%5c..%5csecret', false],
    ['/api//x', false],
    ['/%61pi', false],
    ['/api/%252e%252e/x', false],
    ['http://elsewhere/api', false],
  ])('under /api holds %s: %s', (target, expected) => {
    expect(inScope(target, ['/api'])).toBe(expected)
  })

  test('without prefixes is everything', () => {
    expect(inScope('/a/../b', [])).toBe(true)
  })

  test('never lets a target through that resolves to a path outside of it', () => {
    const piece = fc.constantFrom('api', '..', '.', '%2e', '%2E.', '%2f', 'x', '', ';', '\\', '%25', '?')
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), fc.constantFrom('/', ''), (pieces, glue) => {
        const target = `/api/${pieces.join(glue)}`
        if (!inScope(target, ['/api'])) return
        const { pathname } = new URL(target, 'http://host')
        expect(pathname === '/api' || pathname.startsWith('/api/')).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })
})
