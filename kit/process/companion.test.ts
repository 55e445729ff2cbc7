import { describe, expect, test } from 'vitest'
import { startCompanion, type Companion } from './companion.ts'
import { SpawnFailed } from './errors.ts'
import { isAlive, statOf } from './identity.ts'
import { run } from './run.ts'

const start = async (
  script: string,
  maxQueuedBytes?: number,
): Promise<Companion & { said: string[]; complaints: string[] }> => {
  const said: string[] = []
  const complaints: string[] = []
  const companion = await startCompanion('sh', ['-c', script], {
    onLine: (line) => said.push(line),
    onComplaint: (line) => complaints.push(line),
    ...(maxQueuedBytes !== undefined && { maxQueuedBytes }),
  })
  return Object.assign(companion, { said, complaints })
}

describe('a companion', () => {
  test('answers line by line and complains separately', async () => {
    await using companion = await start('while read line; do echo "<$line>"; echo "no $line" >&2; done')
    companion.send('one')
    companion.send('two')
    await expect.poll(() => companion.said).toEqual(['<one>', '<two>'])
    await expect.poll(() => companion.complaints).toEqual(['no one', 'no two'])
  })

  test('is asked to end by the end of its stdin, and its last words are heard', async () => {
    const companion = await start('cat >/dev/null; echo bye')
    await companion[Symbol.asyncDispose]()
    expect(await companion.ended).toEqual({ exitCode: 0, signal: null })
    expect(companion.said).toEqual(['bye'])
  })

  test('tells its end, and takes no harm from lines sent after it', async () => {
    const companion = await start('exit 7')
    expect(await companion.ended).toEqual({ exitCode: 7, signal: null })
    companion.send('anybody there?')
    await companion[Symbol.asyncDispose]()
  })

  test('is ended when it lets the queue fill', async () => {
    const companion = await start('exec sleep 600', 100_000)
    for (let i = 0; i < 100; i++) companion.send('x'.repeat(10_000))
    expect((await companion.ended).signal).toBe('SIGKILL')
  })

  test('leads a session of its own and sees nothing of our environment', async () => {
    await using companion = await start('env | cut -d= -f1 | sort | tr "\\n" " "; echo; cat >/dev/null')
    expect(statOf(companion.pid)?.sessionId).toBe(companion.pid)
    await expect.poll(() => companion.said).toEqual(['LANG PATH PWD '])
  })

  test('ends with a parent that is killed', async () => {
    const script = `
      import { startCompanion } from '${import.meta.dirname}/companion.ts'
      const companion = await startCompanion('cat', [], { onLine: () => undefined })
      console.log(companion.pid)
      setTimeout(() => process.kill(process.pid, 'SIGKILL'), 50)`
    const { stdout } = await run(process.execPath, ['--input-type=module-typescript', '-e', script], {
      deadlineMs: 20_000,
    })
    const pid = Number(stdout)
    expect(pid).toBeGreaterThan(1)
    await expect.poll(() => isAlive({ pid, startTime: statOf(pid)?.startTime ?? '' })).toBe(false)
  })

  test('is refused by name if it cannot be started', async () => {
    await expect(startCompanion('no-such-command', [], { onLine: () => undefined })).rejects.toThrow(
      SpawnFailed,
    )
  })
})
