import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { spawnDetached } from '@pandastack/kit/process/detached.ts'
import { endProcess } from '@pandastack/kit/process/end.ts'
import { runningProcesses } from '@pandastack/kit/process/identity.ts'
import { run, runChecked } from '@pandastack/kit/process/run.ts'
import type { Log } from '../ports.ts'
import { startRelay } from './relay.ts'
import { startWatch } from './watch.ts'

const go = await run('go', ['version'], {
  deadlineMs: 20_000,
  env: { PATH: process.env['PATH'] ?? '' },
}).catch(() => null)
if (go?.exitCode !== 0) console.log('skipped: host/agent/native needs go to build the commands')

const dir = mkdtempSync(join(tmpdir(), 'native-'))
const bin = (name: string): string => join(dir, name)
const quiet: Log = { info: () => undefined, warn: () => undefined, error: () => undefined }
const greeting = (socket: string, machineId: string): Promise<string> => {
  const client = connect(socket)
  client.on('error', () => undefined)
  client.write(`${machineId}\n`)
  return text(client)
}
const endCompanion = async (name: string): Promise<void> => {
  const ours = runningProcesses().filter((stat) => stat.parentPid === process.pid && stat.name === name)
  expect(ours).toHaveLength(1)
  for (const companion of ours) await endProcess(companion, { graceMs: 0 })
}

describe.skipIf(go?.exitCode !== 0)('the native companions', () => {
  let guest: Server
  let address = ''

  beforeAll(async () => {
    const env = { ...process.env, CGO_ENABLED: '0' } as Record<string, string>
    const source = join(import.meta.dirname, '../../native')
    await runChecked('go', ['build', '-o', dir, './cmd/relay', './cmd/watch'], {
      cwd: source,
      env,
      deadlineMs: 300_000,
    })
    guest = createServer((socket) => socket.end('hello'))
    guest.listen(0, '127.0.0.1')
    await once(guest, 'listening')
    address = `127.0.0.1:${(guest.address() as AddressInfo).port}`
  })
  afterAll(() => {
    guest?.close()
    rmSync(dir, { recursive: true, force: true })
  })

  test('relay to the machines that were set, and to no others', async () => {
    const socketPath = join(dir, 'a.sock')
    await using relay = await startRelay({
      binary: bin('relay'),
      socketPath,
      groupId: process.getgid?.() ?? null,
      log: quiet,
    })
    expect(statSync(socketPath).mode & 0o777).toBe(0o660)
    await relay.set('m1', address)
    expect(await greeting(socketPath, 'm1')).toBe('hello')
    await relay.unset('m1')
    expect(await greeting(socketPath, 'm1')).toBe('')
    await expect(relay.set('m2', 'no address')).rejects.toThrow('the relay refused')
  })

  test('relay on after the relay was killed, with all it knew', async () => {
    const socketPath = join(dir, 'b.sock')
    await using relay = await startRelay({ binary: bin('relay'), socketPath, groupId: null, log: quiet })
    await relay.set('m1', address)
    await endCompanion('relay')
    await relay.set('m2', address)
    expect(await greeting(socketPath, 'm1')).toBe('hello')
    expect(await greeting(socketPath, 'm2')).toBe('hello')
  })

  test('say at once why the relay cannot start', async () => {
    const options = {
      binary: bin('relay'),
      socketPath: join(dir, 'none', 'c.sock'),
      groupId: null,
      log: quiet,
    }
    await expect(startRelay(options)).rejects.toThrow(/no such file/)
    await expect(startRelay({ ...options, binary: bin('none') })).rejects.toThrow(/could not be started/)
  })

  test('tell the end of a process once, also when it ended while nobody watched', async () => {
    await using exits = await startWatch({ binary: bin('watch'), log: quiet })
    const told: string[] = []
    const [one, two, three] = await Promise.all([1, 2, 3].map(() => spawnDetached('sleep', ['600'])))
    try {
      exits.watch('one', one!, () => told.push('one'))
      exits.watch('two', two!, () => told.push('two'))
      exits.watch('three', three!, () => told.push('replaced'))
      exits.watch('three', three!, () => told.push('three'))
      await endProcess(one!, { graceMs: 0 })
      await expect.poll(() => told).toEqual(['one'])
      await endCompanion('watch')
      await endProcess(two!, { graceMs: 0 })
      await expect.poll(() => told, { timeout: 10_000 }).toEqual(['one', 'two'])
      exits.watch('gone', one!, () => told.push('gone'))
      await expect.poll(() => told).toEqual(['one', 'two', 'gone'])
      exits.unwatch('three')
    } finally {
      for (const process of [one, two, three]) await endProcess(process!, { graceMs: 0 })
    }
    exits.watch('last', one!, () => told.push('last'))
    await expect.poll(() => told).toEqual(['one', 'two', 'gone', 'last'])
  })
})
