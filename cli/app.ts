// The command line as one tree of commands, and how errors become sentences and exit codes.

import { buildApplication, buildRouteMap, text_en, type Application } from '@stricli/core'
import { readFileSync } from 'node:fs'
import { ApiError, Unreachable } from '@pandastack/client/errors.ts'
import { doctor } from './commands/doctor.ts'
import { down } from './commands/down.ts'
import { printEnv } from './commands/env.ts'
import { showLogs } from './commands/logs.ts'
import { restart } from './commands/restart.ts'
import { runPart } from './commands/run.ts'
import { attemptInSandbox } from './commands/sandbox/attempts.ts'
import { checkpointSandbox } from './commands/sandbox/checkpoint.ts'
import { listCheckpoints } from './commands/sandbox/checkpoints.ts'
import { copyFiles } from './commands/sandbox/cp.ts'
import { createSandbox } from './commands/sandbox/create.ts'
import { deleteSandbox } from './commands/sandbox/delete.ts'
import { diffSandbox } from './commands/sandbox/diff.ts'
import { execInSandbox } from './commands/sandbox/exec.ts'
import { forkSandbox } from './commands/sandbox/fork.ts'
import { getSandbox } from './commands/sandbox/get.ts'
import { hibernateSandbox } from './commands/sandbox/hibernate.ts'
import { listSandboxes } from './commands/sandbox/list.ts'
import { sandboxLogs } from './commands/sandbox/logs.ts'
import { promoteSandbox } from './commands/sandbox/promote.ts'
import { rewindSandbox } from './commands/sandbox/rewind.ts'
import { shellInSandbox } from './commands/sandbox/shell.ts'
import { wakeSandbox } from './commands/sandbox/wake.ts'
import { createSnapshot } from './commands/snapshot/create.ts'
import { deleteSnapshot } from './commands/snapshot/delete.ts'
import { diffSnapshot } from './commands/snapshot/diff.ts'
import { getSnapshot } from './commands/snapshot/get.ts'
import { listSnapshots } from './commands/snapshot/list.ts'
import { showStatus } from './commands/status.ts'
import { bakeTemplate } from './commands/template/bake.ts'
import { listTemplates } from './commands/template/list.ts'
import { testAll } from './commands/test.ts'
import { createToken } from './commands/token/create.ts'
import { listTokens } from './commands/token/list.ts'
import { revokeToken } from './commands/token/revoke.ts'
import { up } from './commands/up.ts'
import type { Context } from './context.ts'
import { exitCodes, Refusal } from './exit-codes.ts'

const sandbox = buildRouteMap({
  docs: { brief: 'Make and use sandboxes' },
  routes: {
    create: createSandbox,
    list: listSandboxes,
    get: getSandbox,
    exec: execInSandbox,
    shell: shellInSandbox,
    cp: copyFiles,
    logs: sandboxLogs,
    fork: forkSandbox,
    promote: promoteSandbox,
    attempts: attemptInSandbox,
    checkpoint: checkpointSandbox,
    checkpoints: listCheckpoints,
    rewind: rewindSandbox,
    diff: diffSandbox,
    hibernate: hibernateSandbox,
    wake: wakeSandbox,
    delete: deleteSandbox,
  },
  aliases: { ls: 'list', rm: 'delete' },
})

const snapshot = buildRouteMap({
  docs: { brief: 'Sandboxes of one instant, to make others from' },
  routes: {
    create: createSnapshot,
    list: listSnapshots,
    get: getSnapshot,
    diff: diffSnapshot,
    delete: deleteSnapshot,
  },
  aliases: { ls: 'list', rm: 'delete' },
})

const template = buildRouteMap({
  docs: { brief: 'What sandboxes are made from' },
  routes: { list: listTemplates, bake: bakeTemplate },
})

const token = buildRouteMap({
  docs: { brief: 'API keys' },
  routes: { list: listTokens, create: createToken, revoke: revokeToken },
})

const root = buildRouteMap({
  docs: { brief: 'Sandboxes for code that agents write, on machines you own' },
  routes: {
    up,
    down,
    restart,
    status: showStatus,
    logs: showLogs,
    env: printEnv,
    doctor,
    sandbox,
    snapshot,
    template,
    token,
    test: testAll,
    run: runPart,
  },
})

/** Sentences for what was foreseen, a stack for what was not. */
export const errorText = (error: unknown): string => {
  if (error instanceof Refusal)
    return error.hint === undefined ? error.message : `${error.message}\n${error.hint}`
  if (error instanceof ApiError) {
    const more = [error.hint, error.requestId && `request ${error.requestId}`].filter(Boolean).join(', ')
    return more === '' ? error.message : `${error.message} (${more})`
  }
  if (error instanceof Unreachable) return error.message
  if (error instanceof Error && error.name === 'AbortError') return 'interrupted'
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

export const exitCodeOf = (error: unknown): number => {
  if (error instanceof Refusal) return error.exitCode
  return error instanceof Error && error.name === 'AbortError' ? exitCodes.interrupted : exitCodes.failed
}

export const version = (): string => {
  const { version: text } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  return text
}

const say = (error: unknown): string => `error: ${errorText(error)}`

export const app: Application<Context> = buildApplication<Context>(root, {
  name: 'pandastack',
  versionInfo: { currentVersion: version() },
  scanner: { caseStyle: 'allow-kebab-for-camel', allowArgumentEscapeSequence: true },
  documentation: { useAliasInUsageLine: true, disableAnsiColor: true },
  localization: {
    text: { ...text_en, exceptionWhileRunningCommand: say, commandErrorResult: say },
  },
  determineExitCode: exitCodeOf,
})
