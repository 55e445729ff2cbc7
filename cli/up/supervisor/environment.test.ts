import { expect, test } from 'vitest'
import { buildEnvironment, partEnvironment } from './environment.ts'

const shell = {
  PATH: '/home/me/bin',
  AWS_SECRET_ACCESS_KEY: 's',
  PANDASTACK_API_KEY: 'pds_x',
  PANDASTACK_SHELVES: '2',
  HTTPS_PROXY: 'http://p:1',
  no_proxy: 'x',
  GOPROXY: 'http://mirror',
  GOFLAGS: '-mod=vendor',
  EMPTY: undefined,
}

test('parts get settings and the way outside, and no credential of the shell', () => {
  const env = partEnvironment(shell)
  expect(env).toMatchObject({ PANDASTACK_SHELVES: '2', HTTPS_PROXY: 'http://p:1', no_proxy: 'x' })
  expect(Object.keys(env)).not.toEqual(expect.arrayContaining(['AWS_SECRET_ACCESS_KEY']))
  expect(env['PANDASTACK_API_KEY']).toBeUndefined()
  expect(env['PATH']).not.toContain('/home/me')
})

test('builds get the module mirror but not flags that change what is built', () => {
  expect(buildEnvironment(shell)).toMatchObject({ GOPROXY: 'http://mirror', HTTPS_PROXY: 'http://p:1' })
  expect(buildEnvironment(shell)['GOFLAGS']).toBeUndefined()
})
