import { expect, test } from 'vitest'
import { idsIn } from './users.ts'

const passwd =
  'root:x:0:0:root:/root:/bin/bash\npandastack-db:x:998:997::/nonexistent:/usr/sbin/nologin\nodd\n'

test('a user is found by its whole name', () => {
  expect(idsIn(passwd, 'pandastack-db')).toEqual({ uid: 998, gid: 997 })
  expect(idsIn(passwd, 'pandastack')).toBeNull()
  expect(idsIn(passwd, 'odd')).toBeNull()
})
