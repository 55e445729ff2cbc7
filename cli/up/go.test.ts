import { expect, test } from 'vitest'
import { goEnvironment, isEnough } from './go.ts'
import { homeOf } from './home.ts'

test.each(['go1.26.3', 'go1.26.8', 'go1.27', 'go2.0.1', 'go1.26.8 X:nocoverageredesign'])(
  '%s builds us',
  (version) => {
    expect(isEnough(version)).toBe(true)
  },
)

test.each(['go1.26', 'go1.26.2', 'go1.26rc1', 'go1.19.8', 'go1.24.4', 'devel go1.27-abc', ''])(
  '%j does not',
  (version) => {
    expect(isEnough(version)).toBe(false)
  },
)

test('settings of the machine that change what is built are replaced, those that say where from are kept', () => {
  const env = goEnvironment(homeOf({}), {
    GOFLAGS: '-mod=vendor',
    GOTOOLCHAIN: 'go1.20',
    GOPROXY: 'http://m',
    HOME: '/root',
  })
  expect(env).toMatchObject({
    GOFLAGS: '-modcacherw',
    GOTOOLCHAIN: 'local',
    GOPROXY: 'http://m',
    HOME: '/root',
  })
})
