import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runningProcesses } from '@pandastack/kit/process/identity.ts'
import { run, runChecked } from '@pandastack/kit/process/run.ts'
import { readChanges } from '@pandastack/driver/changed-files.ts'
import { createLab, soon } from '@pandastack/driver/conformance/lab.ts'
import type { MachineHandle } from '@pandastack/driver/values.ts'
import { fakeSubject } from './subject.ts'

const env = { ...process.env, CGO_ENABLED: '0' } as Record<string, string>
const go = await run('go', ['version'], { deadlineMs: 20_000, env }).catch(() => null)
if (go?.exitCode !== 0) console.log('skipped: the fake driver with the real guest agent needs go to build it')

const token = randomBytes(20).toString('hex')
const call = async ({ place: { nic } }: MachineHandle, route: string, body?: object): Promise<unknown> => {
  const reply = await fetch(`http://${nic.hostAddress}:${nic.guestPort}${route}`, {
    method: body ? 'POST' : 'GET',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  })
  return await reply.json()
}
const answers = (machine: MachineHandle) =>
  expect.poll(() => call(machine, '/v1/health').catch(() => null)).not.toBeNull()
const sh = async (machine: MachineHandle, cmd: string): Promise<string> =>
  ((await call(machine, '/v1/run', { cmd, timeout_ms: 20_000 })) as { stdout: string }).stdout

describe.skipIf(go?.exitCode !== 0)('the fake driver with the real guest agent', () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'fake-guest-'))
  const guestPath = path.join(dir, 'guestd')

  beforeAll(async () => {
    const cwd = path.join(import.meta.dirname, '../../../guest')
    await runChecked('go', ['build', '-o', guestPath, './cmd/guestd'], { cwd, env, deadlineMs: 400_000 })
  })
  afterAll(() => rmSync(dir, { recursive: true, force: true }))

  test('runs commands, and a thaw renames the machine but not this host', async () => {
    const files = ['/etc/hostname', '/etc/hosts', '/etc/machine-id', '/etc/resolv.conf']
    const contents = () => files.filter((file) => existsSync(file)).map((file) => readFileSync(file, 'utf8'))
    const [nameBefore, filesBefore] = [hostname(), contents()]
    await using subject = await fakeSubject({ guestPath })
    await using lab = await createLab(subject)
    const machine = await lab.booted()
    await answers(machine)
    const thawed = await call(machine, '/v1/thaw', {
      generation: 1,
      hostname: 'thawed',
      machine_id: randomBytes(16).toString('hex'),
      wall_unix_ns: `${Date.now() - 3_600_000}000000`,
      entropy: randomBytes(64).toString('base64'),
      access_token: token,
      client_token: '',
      env: { GREETING: 'hello' },
      sandbox_id: 's',
      template: 'base',
      resolver: '127.0.0.1',
    })
    expect(thawed).toMatchObject({ generation: 1, hostname: 'thawed' })
    expect((thawed as { addresses: string[] }).addresses).toContain(machine.place.nic.guestAddress)
    expect(await sh(machine, 'echo $GREETING from $(hostname)')).toBe('hello from thawed\n')
    expect([hostname(), contents()]).toEqual([nameBefore, filesBefore])
    expect(Math.abs(Number(await sh(machine, 'date +%s')) * 1000 - Date.now())).toBeLessThan(60_000)
  })

  test('copies its home and temporary files into restored machines, each with their own', async () => {
    await using subject = await fakeSubject({ guestPath })
    await using lab = await createLab(subject)
    const source = await lab.booted()
    await answers(source)
    await sh(source, 'echo before > ~/file; echo before > /tmp/file')
    const snapshot = await lab.captured(source)
    await sh(source, 'echo after > ~/file')
    const copy = await lab.restored(snapshot)
    await answers(copy)
    expect(await sh(copy, 'cat ~/file /tmp/file')).toBe('before\nbefore\n')
    expect(await sh(source, 'cat ~/file')).toBe('after\n')
  })

  test('tells what was added to its home, follows no link, and leaves out temporary files', async () => {
    await using subject = await fakeSubject({ guestPath })
    await using lab = await createLab(subject)
    const machine = await lab.booted()
    await answers(machine)
    await sh(machine, 'mkdir ~/dir; echo text > ~/dir/file; ln -s /etc/passwd ~/link; echo x > /tmp/x')
    const file = path.join(await subject.makeDir(), 'changes')
    await lab.driver.changes(machine, file, { entriesMax: 100 }, soon())
    const { files, end } = await readChanges(file)
    expect(files.map(({ kind, path: name, text }) => [kind, name, text])).toEqual([
      ['directory', '/root/dir', null],
      ['file', '/root/dir/file', 'text\n'],
      ['link', '/root/link', null],
    ])
    expect(files[2]?.sizeBytes).toBe('/etc/passwd'.length)
    expect(end?.truncated).toBe(false)
  })

  test('stops and kills everything that commands have started, also what left their group', async () => {
    await using subject = await fakeSubject({ guestPath })
    await using lab = await createLab(subject)
    const machine = await lab.booted()
    await answers(machine)
    const mark = `31${process.pid}.5`
    await sh(machine, `setsid sh -c 'sleep ${mark} & sleep ${mark}' >/dev/null 2>&1 & sleep 0.1`)
    const sleepers = () =>
      runningProcesses().filter(({ pid, name }) => {
        if (name !== 'sleep') return false
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(mark)
      })
    await expect.poll(() => sleepers().length).toBe(2)
    await lab.driver.pause(machine, soon())
    await expect.poll(() => sleepers().map(({ state }) => state)).toEqual(['T', 'T'])
    await lab.driver.resume(machine, soon())
    await lab.driver.kill(machine)
    expect(sleepers()).toEqual([])
  })
})
