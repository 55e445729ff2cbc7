// At most one supervisor, and at most one `up` at work, per installation. The lock is a socket in the abstract
// namespace: the kernel lets one process have the name, and takes it back however that process ends.

import { statSync } from 'node:fs'
import { createServer } from 'node:net'

/** The directory by its number, not its path: the same path in a chroot is another installation. */
const lockName = (dir: string, purpose: string): string => {
  const { dev, ino } = statSync(dir)
  return `\0pandastack-${purpose}-${dev}-${ino}`
}

/** Null when somebody else has it. */
export const takeLock = (dir: string, purpose: string): Promise<AsyncDisposable | null> =>
  new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(null) : reject(error),
    )
    server.listen(lockName(dir, purpose), () => {
      server.unref()
      resolve({ [Symbol.asyncDispose]: () => new Promise((closed) => server.close(() => closed())) })
    })
  })
