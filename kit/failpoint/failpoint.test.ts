import { spawnSync } from 'node:child_process'
import { afterEach, expect, test, vi } from 'vitest'
import { armFailpoints, disarmFailpoints, failpoint, FailpointHit } from './failpoint.ts'

afterEach(disarmFailpoints)

test('does nothing unless armed', async () => {
  armFailpoints('elsewhere=throw')
  await failpoint('here')
})

test('throws each time when armed to', async () => {
  armFailpoints('here=throw')
  await expect(failpoint('here')).rejects.toThrow(FailpointHit)
  await expect(failpoint('here')).rejects.toThrow('failpoint here')
})

test('strikes once, on the pass that was named', async () => {
  armFailpoints('here=throw@3')
  await failpoint('here')
  await failpoint('here')
  await expect(failpoint('here')).rejects.toThrow(FailpointHit)
  await failpoint('here')
})

test('hesitates when armed to', async () => {
  vi.useFakeTimers()
  try {
    armFailpoints('here=delay:5000')
    const passed = vi.fn()
    void failpoint('here').then(passed)
    await vi.advanceTimersByTimeAsync(4999)
    expect(passed).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1)
    expect(passed).toHaveBeenCalled()
  } finally {
    vi.useRealTimers()
  }
})

test('kills the process without a last word', () => {
  const script = `import { armFailpoints, failpoint } from ${JSON.stringify(`${import.meta.dirname}/failpoint.ts`)}
    process.on('exit', () => console.log('a last word'))
    armFailpoints('here=kill')
    await failpoint('here')
    console.log('went on')`
  const { signal, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  })
  expect({ signal, stdout }).toEqual({ signal: 'SIGKILL', stdout: '' })
})

test.each(['here', 'here=', 'here=explode', 'here=delay', 'here=throw@0', '=throw', 'good=throw;bad'])(
  'refuses %j and arms nothing',
  async (text) => {
    expect(() => armFailpoints(text)).toThrow('not a failpoint')
    await failpoint('good')
  },
)
