// Core's verbs with their context bound, and outages beneath them told as `unavailable`.

import type { Context } from '@pandastack/core/context.ts'
import type { Core } from '@pandastack/core/core.ts'
import * as events from '@pandastack/core/events/read.ts'
import * as previews from '@pandastack/core/previews/previews.ts'
import { authenticate, me } from '@pandastack/core/projects/me.ts'
import * as tokens from '@pandastack/core/projects/tokens.ts'
import { forCaller } from '@pandastack/core/refusals.ts'
import { create } from '@pandastack/core/sandboxes/create.ts'
import { lifecycle, setLifecycle } from '@pandastack/core/sandboxes/lifecycle.ts'
import { glance, open, openPort } from '@pandastack/core/sandboxes/open.ts'
import { pause, resume } from '@pandastack/core/sandboxes/pause.ts'
import { declaredPorts, setPort } from '@pandastack/core/sandboxes/ports.ts'
import { get, list, stats } from '@pandastack/core/sandboxes/read.ts'
import { remove } from '@pandastack/core/sandboxes/remove.ts'
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
      lifecycle: bind(lifecycle),
      setLifecycle: bind(setLifecycle),
      setPort: bind(setPort),
      declaredPorts: bind(declaredPorts),
      stats: bind(stats),
      open: bind(open),
      glance: bind(glance),
      openPort: bind(openPort),
    },
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
