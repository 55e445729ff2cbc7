// The system users of an installation: who cannot log in, owns nothing but its own files, and is told apart by number.

import { readFileSync } from 'node:fs'
import { runChecked } from '@pandastack/kit/process/run.ts'

export const controlPlaneUser = 'pandastack'
export const databaseUser = 'pandastack-db'

export interface UserIds {
  uid: number
  gid: number
}

/** From the text of /etc/passwd. */
export const idsIn = (passwd: string, name: string): UserIds | null => {
  const fields = passwd
    .split('\n')
    .map((line) => line.split(':'))
    .find(([user]) => user === name)
  const [uid, gid] = [Number(fields?.[2]), Number(fields?.[3])]
  return fields && Number.isInteger(uid) && Number.isInteger(gid) ? { uid, gid } : null
}

export const userIds = (name: string): UserIds | null => idsIn(readFileSync('/etc/passwd', 'utf8'), name)

/** Makes the user, with a group of the same name, when there is none. */
export const ensureUser = async (name: string): Promise<UserIds> => {
  const found = userIds(name)
  if (found) return found
  const nowhere = [
    '--system',
    '--user-group',
    '--no-create-home',
    '--home-dir',
    '/nonexistent',
    '--shell',
    '/usr/sbin/nologin',
  ]
  await runChecked('useradd', [...nowhere, name], { deadlineMs: 30_000 })
  const made = userIds(name)
  if (!made) throw new Error(`useradd made no user ${name}`)
  return made
}

/** Argument list that becomes `user`, for good and with no privilege left, and then the command behind it. */
export const asUser = (user: string): string[] => [
  'setpriv',
  `--reuid=${user}`,
  `--regid=${user}`,
  '--clear-groups',
  '--no-new-privs',
  '--inh-caps=-all',
  '--bounding-set=-all',
]
