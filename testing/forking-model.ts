// Random sequences of write, fork, snapshot, hibernate, wake, rewind, take over and delete, run against a server and
// against a model of it: a map of files for each sandbox and snapshot. After each step what was touched is compared, at
// the end everything.

import * as fc from 'fast-check'
import { createHash } from 'node:crypto'

export interface Api {
  /** A status of 400 or more is the model's to judge. */
  ask(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }>
  write(id: string, path: string, content: string): Promise<void>
  /** Null when there is no such file. */
  read(id: string, path: string): Promise<string | null>
}

type Verb = 'write' | 'fork' | 'snapshot' | 'create' | 'hibernate' | 'wake' | 'rewind' | 'takeOver' | 'delete'

export interface Step {
  verb: Verb
  /** Which of those that are there, counted around. */
  pick: number
  path: number
  content: number
}

interface Box {
  id: string
  parent: string | null
  files: Map<string, string>
}

interface Shot {
  id: string
  of: string
  files: Map<string, string>
}

const paths = ['/root/a', '/root/b/c', '/var/lib/d', '/srv/e'] as const
const boxesMax = 6

const verbs: [number, Verb][] = [
  [6, 'write'],
  [3, 'fork'],
  [2, 'snapshot'],
  [1, 'create'],
  [3, 'hibernate'],
  [2, 'wake'],
  [2, 'rewind'],
  [1, 'takeOver'],
  [1, 'delete'],
]

export const steps = (length: number): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.record({
      verb: fc.oneof(...verbs.map(([weight, verb]) => ({ weight, arbitrary: fc.constant(verb) }))),
      pick: fc.nat(1000),
      path: fc.nat(paths.length - 1),
      content: fc.nat(),
    }),
    { minLength: length, maxLength: length },
  )

/** The same for the same number; some are long. */
const contentOf = (n: number): string =>
  createHash('sha256')
    .update(String(n))
    .digest('hex')
    .repeat(n % 7 === 0 ? 3000 : 1)

export class Model {
  readonly #api: Api
  readonly #template: string
  #boxes: Box[] = []
  #shots: Shot[] = []

  constructor(api: Api, template: string) {
    this.#api = api
    this.#template = template
  }

  async run(sequence: readonly Step[]): Promise<void> {
    await this.#create(null)
    for (const step of sequence) {
      const box = this.#boxes[step.pick % this.#boxes.length]
      if (!box) await this.#create(null)
      else await this.#do(step, box)
    }
    for (const box of this.#boxes) await this.#compare(box)
  }

  async removeAll(): Promise<void> {
    for (const { id } of this.#boxes) await this.#api.ask('DELETE', `/v1/sandboxes/${id}`)
    for (const { id } of this.#shots) await this.#api.ask('DELETE', `/v1/snapshots/${id}`)
  }

  async #do({ verb, pick, path, content }: Step, box: Box): Promise<void> {
    const url = `/v1/sandboxes/${box.id}`
    const shot = this.#shots[pick % Math.max(1, this.#shots.length)]
    if (verb === 'write') {
      const where = paths[path] ?? paths[0]
      await this.#api.write(box.id, where, contentOf(content))
      box.files.set(where, contentOf(content))
    } else if (verb === 'fork') await this.#fork(box, 1 + (content % 2))
    else if (verb === 'snapshot') {
      const { id } = await this.#must<{ id: string }>('POST', `${url}/snapshots`)
      this.#shots.push({ id, of: box.id, files: new Map(box.files) })
    } else if (verb === 'create') await this.#create(shot ?? null)
    else if (verb === 'hibernate' || verb === 'wake') await this.#must('POST', `${url}/${verb}`)
    else if (verb === 'rewind') await this.#rewind(box, content)
    else if (verb === 'takeOver') await this.#takeOver(box)
    else await this.#delete(box)
    if (this.#boxes.includes(box) && verb !== 'hibernate') await this.#compare(box)
  }

  async #create(from: Shot | null): Promise<void> {
    if (this.#boxes.length >= boxesMax) return
    const input = { template: this.#template, ttl_seconds: 900, ...(from && { from_snapshot: from.id }) }
    const { id } = await this.#must<{ id: string }>('POST', '/v1/sandboxes', input)
    const box = { id, parent: null, files: new Map(from?.files) }
    this.#boxes.push(box)
    await this.#compare(box)
  }

  async #fork(box: Box, count: number): Promise<void> {
    if (this.#boxes.length + count > boxesMax) return
    const tree = await this.#must<{ children: { id: string }[]; errors: unknown[] }>(
      'POST',
      `/v1/sandboxes/${box.id}/fork-tree`,
      { count, ttl_seconds: 900 },
    )
    if (tree.errors.length > 0) throw new Error(`a child did not come: ${JSON.stringify(tree.errors)}`)
    for (const { id } of tree.children) {
      const child = { id, parent: box.id, files: new Map(box.files) }
      this.#boxes.push(child)
      await this.#compare(child)
    }
  }

  async #rewind(box: Box, choice: number): Promise<void> {
    const own = this.#shots.filter(({ of }) => of === box.id)
    const shot = own[choice % Math.max(1, own.length)]
    if (!shot) return
    await this.#must('POST', `/v1/sandboxes/${box.id}/rewind`, { snapshot_id: shot.id })
    box.files = new Map(shot.files)
  }

  async #takeOver(box: Box): Promise<void> {
    const parent = this.#boxes.find(({ id }) => id === box.parent)
    if (!parent) return
    await this.#must('POST', `/v1/sandboxes/${box.id}/promote`, { take_over: true })
    parent.files = box.files
    this.#boxes = this.#boxes.filter((one) => one !== box)
    await this.#compare(parent)
  }

  async #delete(box: Box): Promise<void> {
    await this.#must('DELETE', `/v1/sandboxes/${box.id}`)
    this.#boxes = this.#boxes.filter((one) => one !== box)
  }

  async #compare(box: Box): Promise<void> {
    for (const path of paths) {
      const found = await this.#api.read(box.id, path)
      const wanted = box.files.get(path) ?? null
      if (found !== wanted)
        throw new Error(`${path} of ${box.id}: ${short(found)} where ${short(wanted)} should be`)
    }
  }

  async #must<T>(method: string, path: string, body?: unknown): Promise<T> {
    const reply = await this.#api.ask(method, path, body)
    if (reply.status >= 300)
      throw new Error(`${method} ${path} was answered with ${reply.status}: ${JSON.stringify(reply.body)}`)
    return reply.body as T
  }
}

const short = (text: string | null): string =>
  text === null ? 'nothing' : `${text.slice(0, 12)}… (${text.length})`
