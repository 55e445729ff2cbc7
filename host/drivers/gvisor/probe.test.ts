import { expect, test } from 'vitest'
import { userNamespaceObstacle } from './probe.ts'

test('a host that gives no user namespaces is told from one that gives some', () => {
  expect(userNamespaceObstacle('96365\n')).toBeNull()
  expect(userNamespaceObstacle('0\n')).toContain('user.max_user_namespaces')
  expect(userNamespaceObstacle(null)).toContain('no user namespaces')
})
