// Promise 3 and 7: a restored machine goes on where the captured one stood, and shares nothing with its siblings.

import { randomUUID } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { base, type Bench } from './bench.ts'

const clones = 4

export const restoreTests = (bench: Bench): void => {
  test('a restored machine counts on and has the files of before', async () => {
    const workload = bench.lab.talk(await bench.lab.restored(bench.snapshot))
    expect(await workload.count()).toBe(base.count + 1)
    expect(await workload.read(base.path)).toBe(base.text)
    expect(await workload.count()).toBe(base.count + 2)
  })

  test('machines restored at the same time share neither memory nor files', async () => {
    const { lab, snapshot } = bench
    const machines = await Promise.all(Array.from({ length: clones }, () => lab.restored(snapshot)))
    const workloads = machines.map((machine) => lab.talk(machine))
    for (const [index, workload] of workloads.entries())
      for (let more = 0; more <= index; more++) expect(await workload.count()).toBe(base.count + 1 + more)
    await Promise.all(workloads.map((workload, index) => workload.write('/root/after', `mine is ${index}`)))
    for (const [index, workload] of workloads.entries())
      expect(await workload.read('/root/after')).toBe(`mine is ${index}`)
  })

  test('a file written in one machine is in no other, nor in what is restored later', async () => {
    const { lab, snapshot } = bench
    const [one, two] = [await lab.restored(snapshot), await lab.restored(snapshot)]
    await lab.talk(one).write('/root/only-here', 'x')
    await lab.talk(one).write(base.path, 'changed')
    for (const other of [two, await lab.restored(snapshot)]) {
      await expect(lab.talk(other).read('/root/only-here')).rejects.toThrow()
      expect(await lab.talk(other).read(base.path)).toBe(base.text)
    }
  })

  test('what the guest writes does not reach the files of the host, and those of the host not the guest', async () => {
    const { lab, snapshot } = bench
    const workload = lab.talk(await lab.restored(snapshot))
    const mine = `/root/conformance-${randomUUID()}`
    await workload.write(mine, 'from inside')
    expect(await workload.read(mine)).toBe('from inside')
    expect(existsSync(mine)).toBe(false)
    const hosts = path.join(await lab.subject.makeDir(), 'file')
    writeFileSync(hosts, 'from outside')
    await expect(workload.read(hosts)).rejects.toThrow()
  })
}
