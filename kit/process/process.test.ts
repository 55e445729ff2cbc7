import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { spawnDetached } from './detached.ts'
import { endGroup, endProcess } from './end.ts'
import { CommandFailed, SpawnFailed } from './errors.ts'
import { identity, isAlive, parseStat, runningProcesses, statOf } from './identity.ts'
import { run, runChecked } from './run.ts'

const sh = (script: string, options: Partial<Parameters<typeof run>[2]> = {}) =>
  run('sh', ['-c', script], { deadlineMs: 10_000, ...options })

const commandLineHas = (pid: number, text: string): boolean => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text)
  } catch {
    return false
  }
}
const anybodyRuns = (text: string): boolean => runningProcesses().some(({ pid }) => commandLineHas(pid, text))
let serial = 0
/** A sleep that no other process has, to be found again by its command line. */
const uniqueSleep = (): string => `31536${process.pid}.${++serial}`

describe('run', () => {
  test('answers with both outputs and the exit code', async () => {
    const result = await sh('echo out; echo err >&2; exit 3')
    expect(result).toMatchObject({
      stdout: 'out\n',
      stderr: 'err\n',
      exitCode: 3,
      signal: null,
      timedOut: false,
    })
  })

  test('writes stdin and closes it', async () => {
    expect((await run('cat', [], { deadlineMs: 10_000, stdin: 'héllo' })).stdout).toBe('héllo')
  })

  test('survives a child that does not read its stdin', async () => {
    expect((await run('true', [], { deadlineMs: 10_000, stdin: 'x'.repeat(1_000_000) })).exitCode).toBe(0)
  })

  test('gives the child an environment with nothing of ours in it', async () => {
    const { stdout } = await run('env', [], { deadlineMs: 10_000 })
    expect(
      stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => line.split('=')[0])
        .sort(),
    ).toEqual(['LANG', 'PATH'])
  })

  test('keeps the first bytes of a flood and reads the rest away', async () => {
    const result = await sh('head -c 3000000 /dev/zero', { maxOutputBytes: 10 })
    expect(result.stdout).toHaveLength(10)
    expect(result).toMatchObject({ exitCode: 0, truncated: true })
  })

  test('ends the whole group at the deadline, also what ignores the polite signal', async () => {
    const mark = uniqueSleep()
    const result = await sh(`trap '' TERM; (trap '' TERM; sleep ${mark}) & sleep ${mark}`, {
      deadlineMs: 200,
      graceMs: 50,
    })
    expect(result.timedOut).toBe(true)
    expect(result.signal).toBe('SIGKILL')
    await expect.poll(() => anybodyRuns(mark)).toBe(false)
  })

  test('ends the group and throws the reason when aborted', async () => {
    const mark = uniqueSleep()
    const abort = new AbortController()
    const running = sh(`sleep ${mark}`, { signal: abort.signal })
    await expect.poll(() => anybodyRuns(mark)).toBe(true)
    abort.abort(new Error('no longer wanted'))
    await expect(running).rejects.toThrow('no longer wanted')
    await expect.poll(() => anybodyRuns(mark)).toBe(false)
  })

  test('starts nothing when aborted beforehand', async () => {
    await expect(sh('exit 0', { signal: AbortSignal.abort(new Error('too late')) })).rejects.toThrow(
      'too late',
    )
  })

  test('does not wait for a daemon that keeps the pipes', async () => {
    const mark = uniqueSleep()
    const result = await sh(`setsid sleep ${mark} & echo started`)
    expect(result).toMatchObject({ stdout: 'started\n', exitCode: 0, timedOut: false })
    for (const { pid } of runningProcesses()) if (commandLineHas(pid, mark)) process.kill(pid, 'SIGKILL')
  })

  test('fails with the name of a command that does not exist', async () => {
    await expect(run('no-such-command', ['secret'], { deadlineMs: 1000 })).rejects.toThrow(SpawnFailed)
    await expect(run('no-such-command', ['secret'], { deadlineMs: 1000 })).rejects.toThrow(
      /^no-such-command could/,
    )
  })

  test.skipIf(process.getuid?.() !== 0)('runs as another user, without our groups', async () => {
    expect((await run('id', [], { deadlineMs: 10_000, uid: 65534, gid: 65534 })).stdout).toMatch(
      /^uid=65534\S* gid=65534\S*( groups=65534\S*)?\n$/,
    )
  })
})

describe('runChecked', () => {
  test('turns a bad ending into an error that quotes the last words but not the arguments', async () => {
    const failure = await runChecked('sh', ['-c', 'echo broken pipe dream >&2; exit 7'], {
      deadlineMs: 10_000,
    }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(CommandFailed)
    expect((failure as CommandFailed).message).toBe('sh ended with exit code 7: broken pipe dream')
    expect((failure as CommandFailed).result.exitCode).toBe(7)
  })

  test('says that a deadline passed', async () => {
    await expect(runChecked('sleep', ['20'], { deadlineMs: 50 })).rejects.toThrow(
      'sleep did not end before its deadline',
    )
  })
})

describe('identity', () => {
  test('reads a process whose name holds brackets and spaces', () => {
    const line = `42 (a) b (c) S 1 40 40 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 98765 1 1`
    expect(parseStat(line)).toEqual({
      pid: 42,
      name: 'a) b (c',
      state: 'S',
      parentPid: 1,
      groupId: 40,
      sessionId: 40,
      startTime: '98765',
    })
  })

  test.each(['', 'junk', '1 (x', '1 (x) S 1 1'])('refuses %j', (text) => {
    expect(parseStat(text)).toBeNull()
  })

  test('knows us, and nobody with our id and another start time', () => {
    const us = identity(process.pid)
    expect(us && isAlive(us)).toBe(true)
    expect(us && isAlive({ ...us, startTime: `${us.startTime}1` })).toBe(false)
  })

  test('takes a zombie for dead', async () => {
    // The shell becomes a sleep that never waits for its child, so the child stays a zombie.
    const parent = await spawnDetached('sh', ['-c', 'true & exec sleep 60'])
    const zombies = (): number[] =>
      Array.from({ length: 200 }, (_, index) => parent.pid + 1 + index).filter((pid) => {
        const stat = statOf(pid)
        return stat?.parentPid === parent.pid && stat.state === 'Z'
      })
    try {
      await expect.poll(() => zombies().length).toBe(1)
      expect(identity(zombies()[0] as number)).toBeNull()
    } finally {
      await endGroup(parent, { graceMs: 0 })
    }
  })
})

describe('a detached process', () => {
  test('leads its own session, sees no environment of ours and writes to its file', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'detached-'))
    try {
      const stdout = join(dir, 'out')
      const child = await spawnDetached('sh', ['-c', 'env | wc -l; exec sleep 60'], {
        stdio: { stdout },
        env: {},
      })
      expect(statOf(child.pid)).toMatchObject({
        sessionId: child.pid,
        groupId: child.pid,
        startTime: child.startTime,
      })
      await expect.poll(() => readFileSync(stdout, 'utf8')).toMatch(/^\d+\n$/)
      expect(await endProcess(child)).toBe('polite')
      expect(await child.ended).toEqual({ exitCode: null, signal: 'SIGTERM' })
    } finally {
      rmSync(dir, { recursive: true })
    }
  })

  test('has an identity even if it ends at once', async () => {
    const child = await spawnDetached('true', [])
    expect(child.startTime).toMatch(/^\d+$/)
    expect(await child.ended).toEqual({ exitCode: 0, signal: null })
    expect(isAlive(child)).toBe(false)
    expect(await endProcess(child)).toBe('absent')
  })

  test('is refused by name if it cannot be started', async () => {
    await expect(spawnDetached('no-such-command', [])).rejects.toThrow(SpawnFailed)
  })

  test('is forced when it ignores the polite signal', async () => {
    const child = await spawnDetached('sh', ['-c', `trap '' TERM; while :; do sleep 0.05; done`])
    await expect.poll(() => statOf(child.pid)?.state).toBe('S')
    expect(await endGroup(child, { graceMs: 100 })).toBe('forced')
  })

  test('takes the rest of its group along even after its own end', async () => {
    const mark = uniqueSleep()
    const child = await spawnDetached('sh', ['-c', `sleep ${mark} & exit 0`])
    await child.ended
    await expect.poll(() => anybodyRuns(mark)).toBe(true)
    expect(await endGroup(child)).toBe('polite')
    expect(anybodyRuns(mark)).toBe(false)
  })

  test('is left alone when it only has the same id', async () => {
    const child = await spawnDetached('sleep', ['60'])
    const namesake = { pid: child.pid, startTime: `${Number(child.startTime) - 1}` }
    expect(await endProcess(namesake)).toBe('absent')
    expect(await endGroup(namesake)).toBe('absent')
    expect(isAlive(child)).toBe(true)
    await endProcess(child, { graceMs: 0 })
  })
})
