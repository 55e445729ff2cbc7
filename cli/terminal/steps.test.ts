import { expect, test } from 'vitest'
import { createSteps } from './steps.ts'

const recorded = (isTTY: boolean) => {
  const written: string[] = []
  return { steps: createSteps({ isTTY, columns: 40, write: (text) => written.push(text) }), written }
}

test('off a terminal a step has a plain line at its beginning and at its end', async () => {
  const { steps, written } = recorded(false)
  expect(await steps.run('build', async () => 7)).toBe(7)
  expect(written).toEqual(['  ...   build\n', expect.stringMatching(/^ {2}ok {4}build {2}0\.\d s\n$/)])
})

test('a failing step says so and its error goes on', async () => {
  const { steps, written } = recorded(false)
  await expect(steps.run('build', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(written.at(-1)).toMatch(/^ {2}fail {2}build/)
})

test('on a terminal the line is rewritten and fits', async () => {
  const { steps, written } = recorded(true)
  await steps.run('build', async (report) => {
    report('x'.repeat(200), 41.6)
    await new Promise((resolve) => setTimeout(resolve, 300))
  })
  const [first = ''] = written
  expect(first.startsWith('\r\u001b[K  ...   build  0.')).toBe(true)
  expect(first).toMatch(/ s {2}42 % {2}x+$/)
  expect(first).toHaveLength('\r\u001b[K'.length + 39)
})
