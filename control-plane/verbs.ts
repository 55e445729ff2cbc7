// Core's verbs with their context bound, and outages beneath them told as `unavailable`.

import type { Context } from '@pandastack/core/context.ts'
import type { Core } from '@pandastack/core/core.ts'
import * as attempts from '@pandastack/core/attempts/run.ts'
import { diff } from '@pandastack/core/diffs/diff.ts'
import * as events from '@pandastack/core/events/read.ts'
import { fork } from '@pandastack/core/forks/fork.ts'
import { promote } from '@pandastack/core/forks/promote.ts'
import * as previews from '@pandastack/core/previews/previews.ts'
import { authenticate, me } from '@pandastack/core/projects/me.ts'
import * as tokens from '@pandastack/core/projects/tokens.ts'
import { forCaller } from '@pandastack/core/refusals.ts'
import { create } from '@pandastack/core/sandboxes/create.ts'
import { hibernate } from '@pandastack/core/sandboxes/hibernate.ts'
import { lifecycle, setLifecycle } from '@pandastack/core/sandboxes/lifecycle.ts'
import { glance, open, openPort } from '@pandastack/core/sandboxes/open.ts'
import { pause, resume } from '@pandastack/core/sandboxes/pause.ts'
import { declaredPorts, setPort } from '@pandastack/core/sandboxes/ports.ts'
import { get, list, stats } from '@pandastack/core/sandboxes/read.ts'
import { remove } from '@pandastack/core/sandboxes/remove.ts'
import { wake } from '@pandastack/core/sandboxes/wake.ts'
import * as snapshots from '@pandastack/core/snapshots/create.ts'
import * as readSnapshots from '@pandastack/core/snapshots/read.ts'
import { remove as removeSnapshot } from '@pandastack/core/snapshots/remove.ts'
import { rewind } from '@pandastack/core/snapshots/rewind.ts'
import * as templates from '@pandastack/core/templates/templates.ts'

export const bindVerbs = (ctx: Context): Core => {
  const bind =
    <Args extends unknown[], Result>(verb: (ctx: Context, ...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      try {
        return await verb(ctx, ...args)
      } catch (error) {
        throw forCaller(error)
      }
    }
  return {
    authenticate: bind(authenticate),
    sandboxes: {
      create: bind(create),
      list: bind(list),
      get: bind(get),
      remove: bind(remove),
      pause: bind(pause),
      resume: bind(resume),
      hibernate: bind(hibernate),
      wake: bind(wake),
      rewind: bind(rewind),
      lifecycle: bind(lifecycle),
      setLifecycle: bind(setLifecycle),
      setPort: bind(setPort),
      declaredPorts: bind(declaredPorts),
      stats: bind(stats),
      open: bind(open),
      glance: bind(glance),
      openPort: bind(openPort),
    },
    snapshots: {
      create: bind(snapshots.create),
      list: bind(readSnapshots.list),
      get: bind(readSnapshots.get),
      remove: bind(removeSnapshot),
    },
    forks: { fork: bind(fork), promote: bind(promote) },
    attempts: { run: bind(attempts.run) },
    diff: bind(diff),
    events: {
      list: bind(events.list),
      follow: (caller, sandboxId, signal, afterSeq) =>
        events.follow(ctx, caller, sandboxId, signal, afterSeq),
    },
    templates: { list: bind(templates.list), get: bind(templates.get), bake: bind(templates.bake) },
    tokens: { list: bind(tokens.list), create: bind(tokens.create), revoke: bind(tokens.revoke) },
    previews: { sign: bind(previews.sign), verify: bind(previews.verify) },
    me: bind(me),
    hosts: { info: bind((context: Context) => context.hosts.refresh()) },
  }
}
