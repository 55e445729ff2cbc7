// A TCP port of loopback for a server that will be stopped and started again. Not one that the kernel hands out: those
// are also what outgoing connections get, and one of them may sit on it just when the server comes back.

import { createServer } from 'node:net'

/** Below the range that Linux takes for outgoing connections (32768 and up, unless changed). */
const first = 20_000
const count = 10_000
const triesMax = 100

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })

/** Throws when a hundred tries found none. Nothing reserves it: take it soon. */
export const freePort = async (): Promise<number> => {
  for (let tries = 0; tries < triesMax; tries++) {
    const port = first + Math.floor(Math.random() * count)
    if (await isFree(port)) return port
  }
  throw new Error(`no free port between ${first} and ${first + count - 1}`)
}
