// The real guest agent as an ordinary process of this machine, built from the checkout. It serves on loopback, in an
// environment of its own; what it runs are the commands of the test.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export interface Guestd extends AsyncDisposable {
  port: number
  /** A folder that goes with it. */
  folder: string
}

const sources = fileURLToPath(new URL('../guest', import.meta.url))

/** The Go compiler, or null where there is none. */
export const findGo = (): string | null => {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/go/bin']
  return folders.map((folder) => join(folder, 'go')).find((path) => existsSync(path)) ?? null
}

export const startGuestd = async (go: string): Promise<Guestd> => {
  const stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'guestd-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const binary = join(folder, 'guestd')
  await ended(
    spawn(go, ['build', '-o', binary, './cmd/guestd'], {
      cwd: sources,
      env: { ...process.env, CGO_ENABLED: '0' },
      stdio: 'inherit',
    }),
  )
  const port = await freePort()
  const child = spawn(binary, ['-listen', `127.0.0.1:${port}`], {
    cwd: folder,
    stdio: 'ignore',
    env: { PATH: process.env['PATH'] ?? '', HOME: folder },
  })
  stack.defer(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`the agent ended with ${child.exitCode}`)
    await sleep(20)
  }
  return { port, folder, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

const ended = async (child: ReturnType<typeof spawn>): Promise<void> => {
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`the build of the guest agent ended with ${code}`)
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

const answers = (port: number): Promise<boolean> => {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(port, '127.0.0.1')
  socket.once('connect', () => resolve(true))
  socket.once('error', () => resolve(false))
  return promise.finally(() => socket.destroy())
}
