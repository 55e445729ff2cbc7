// The proof that clones are correct, on any installation: a sandbox in which programs draw random numbers, serve, and hold
// connections is forked while they do, and what became of them in every clone is compared with what is promised.
// Takes away what it has made, whatever happens; fails only when there is nothing to judge.

import { createClient, type Client, type Sandbox } from '@pandastack/client/client.ts'
import { createFairQueue } from '@pandastack/kit/queue/fair-queue.ts'
import type { Check } from '../checks.ts'
import type { Findings } from './findings.ts'
import { hearClone, hearParent, type Asking, type Said } from './gather.ts'
import { judge } from './judge.ts'
import { makeParent, startPrograms } from './parent.ts'
import { openStream, readState, type Access } from './server-state.ts'

const ttlSeconds = 900
/** More would make them wait for each other's processors, and their clocks hard to read. */
const heardAtOnce = 4
const removedAtOnce = 8

/** In the order of the results, which are in the order of the items. */
const each = async <T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<PromiseSettledResult<R>[]> => {
  const queue = createFairQueue({ concurrency: atOnce, waitingMax: items.length })
  return Promise.allSettled(items.map((item, index) => queue.run('', () => work(item, index))))
}

/** Those too of which the fork's reply has got lost. */
const removeFamily = async (client: Client, { id }: Sandbox): Promise<void> => {
  const family = (await client.sandboxes.list()).filter(
    (one) => one.id === id || one.metadata['fork_parent_id'] === id,
  )
  const ends = await each(family, removedAtOnce, (one) => client.sandboxes.remove(one.id))
  const failed = ends.find((end) => end.status === 'rejected')
  if (failed) throw failed.reason
}

const forkAndHear = async (asking: Asking, parent: Sandbox, wanted: number): Promise<Findings> => {
  const { client, access, signal } = asking
  await using stream = await openStream(access, parent.id, signal)
  // Its first answers, so that there is something before the fork.
  const before = await readState(access, parent.id, signal)
  const tree = await client.forks.tree(parent.id, { count: wanted, ttl_seconds: ttlSeconds }, { signal })
  const atForkBytes = stream.bytes
  const heard = await each(tree.children, heardAtOnce, ({ id }, index) =>
    hearClone(asking, `clone ${index}`, id),
  )
  signal.throwIfAborted()
  const said = await hearParent(asking, parent.id)
  const clones: Said[] = heard.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const failures = [
    ...tree.errors.map(({ index, error }) => `child ${index} did not come: ${error}`),
    ...heard.flatMap((one, index) =>
      one.status === 'rejected' ? [`clone ${index}: ${String(one.reason)}`] : [],
    ),
  ]
  const seen = { atForkBytes, lastBytes: stream.bytes, ended: stream.ended }
  return { wanted, pauseMs: tree.pause_ms, before, parent: said, clones, failures, stream: seen }
}

export const checkRestores = async (
  access: Access,
  options: { clones: number; signal: AbortSignal },
): Promise<Check[]> => {
  const { clones, signal } = options
  const client = createClient(access)
  const parent = await makeParent(client, signal)
  await using stack = new AsyncDisposableStack()
  stack.defer(() => removeFamily(client, parent))
  await startPrograms(client, parent.id, signal)
  return judge(await forkAndHear({ client, access, signal }, parent, clones))
}
