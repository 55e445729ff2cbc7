// The service as its adapters (api, compat, edge) see it. Each method is one verb in a file of its own on its shelf;
// `createCore` in `control-plane` binds them to the database and the ports. Verbs throw `PandaError`
// (contracts/errors.ts) for everything a caller can be told.

import type { Readable, Duplex } from 'node:stream'
import type { GuestReply, GuestRequest } from './ports/guest-port.ts'
import type { MachineStats, HostInfo } from '@pandastack/contracts/wire/host/v1/machines.ts'
import type {
  Event,
  Lifecycle,
  LifecycleChange,
  Sandbox,
  SandboxCreate,
  Template,
  Token,
} from '@pandastack/contracts/http/shapes.ts'
import type {
  AttemptOutcome,
  AttemptsRequest,
  AttemptsResult,
  Diff,
  ForkedTree,
  ForkRequest,
  Promoted,
  PromoteRequest,
  Rewound,
  RewindRequest,
  Snapshot,
  SnapshotCreate,
} from '@pandastack/contracts/http/snapshots.ts'

/** Who asks: always and only what the credential says. */
export interface Caller {
  projectId: string
  tokenPrefix: string
  requestId: string
}

/** A running sandbox that the caller may talk to. */
export interface OpenSandbox {
  sandbox: Sandbox
  request(request: GuestRequest): Promise<GuestReply>
  tunnel(port: number, signal?: AbortSignal): Promise<Duplex>
  /** To be called before a command of the caller's is run: takes a checkpoint where that is the sandbox's policy. */
  beforeCommand(cmd: string): Promise<void>
  /** Marks the sandbox as in use until disposed, so that idleness is not counted while a stream is open. */
  use(): Disposable
}

export interface Core {
  /** The caller behind a key, or null. Constant time; answers from a cache of at most 1 s. */
  authenticate(key: string, requestId: string): Promise<Caller | null>
  sandboxes: {
    create(
      caller: Caller,
      input: SandboxCreate,
      options: { idempotencyKey?: string; signal?: AbortSignal },
    ): Promise<Sandbox>
    list(caller: Caller): Promise<Sandbox[]>
    get(caller: Caller, id: string): Promise<Sandbox>
    remove(caller: Caller, id: string): Promise<void>
    pause(caller: Caller, id: string): Promise<void>
    /** Of a hibernated sandbox: wakes it. */
    resume(caller: Caller, id: string): Promise<void>
    /** Into a snapshot on disk; its time stands still until it is woken. Idempotent. */
    hibernate(caller: Caller, id: string): Promise<Sandbox>
    /** Idempotent; one at a time, everybody else waits for the same. */
    wake(caller: Caller, id: string): Promise<Sandbox>
    /** Back to one of its checkpoints or snapshots, memory included, under the same id. */
    rewind(caller: Caller, id: string, to: RewindRequest): Promise<Rewound>
    lifecycle(caller: Caller, id: string): Promise<Lifecycle>
    setLifecycle(caller: Caller, id: string, change: LifecycleChange): Promise<Lifecycle>
    setPort(
      caller: Caller,
      id: string,
      port: number,
      entry: { label: string; public: boolean } | null,
    ): Promise<void>
    declaredPorts(caller: Caller, id: string): Promise<{ port: number; label: string; public: boolean }[]>
    stats(caller: Caller, id: string): Promise<MachineStats>
    /**
     * For requests of a caller. Wakes it when it is hibernated. 404 unknown or foreign, 409 with the state's name when it
     * cannot be talked to.
     */
    open(caller: Caller, id: string): Promise<OpenSandbox>
    /** One request that does not count as use, for those who only watch. Refuses like `open`. */
    glance(caller: Caller, id: string, request: GuestRequest): Promise<GuestReply>
    /** For the edge: by id alone, when the port is declared public or the signed token (already verified) names it. */
    openPort(
      id: string,
      port: number,
      access: { kind: 'public' } | { kind: 'signed' } | { kind: 'caller'; caller: Caller },
    ): Promise<OpenSandbox>
  }
  snapshots: {
    /** `checkpoint`: one to go back to, which goes with its sandbox. */
    create(
      caller: Caller,
      sandboxId: string,
      input: SnapshotCreate & { kind?: 'snapshot' | 'checkpoint' },
      options: { idempotencyKey?: string; signal?: AbortSignal },
    ): Promise<Snapshot>
    /** Newest first; snapshots alone, or with `checkpoints` those of one sandbox. */
    list(caller: Caller, filter: { sandboxId?: string; checkpoints?: boolean }): Promise<Snapshot[]>
    get(caller: Caller, id: string): Promise<Snapshot>
    remove(caller: Caller, id: string): Promise<void>
  }
  forks: {
    /** One capture, `count` restores (default 1). Throws when no child came to run. */
    fork(
      caller: Caller,
      parentId: string,
      input: ForkRequest,
      options: { idempotencyKey?: string; signal?: AbortSignal },
    ): Promise<ForkedTree>
    promote(caller: Caller, childId: string, input: PromoteRequest): Promise<Promoted>
  }
  attempts: {
    run(
      caller: Caller,
      parentId: string,
      input: AttemptsRequest,
      options: { onOutcome?: (outcome: AttemptOutcome) => void; signal: AbortSignal },
    ): Promise<AttemptsResult>
  }
  /** Of two sandboxes or snapshots of one template; without `from` against the template itself. */
  diff(caller: Caller, to: string, from: string | null, options: { signal?: AbortSignal }): Promise<Diff>
  events: {
    list(caller: Caller, sandboxId: string, tail: number): Promise<Event[]>
    /** Events later than `afterSeq`, else than now, until the signal aborts. */
    follow(caller: Caller, sandboxId: string, signal: AbortSignal, afterSeq?: number): AsyncIterable<Event>
  }
  templates: {
    list(caller: Caller): Promise<Template[]>
    get(caller: Caller, name: string): Promise<Template>
    bake(
      caller: Caller,
      name: string,
      onProgress: (step: string, percent: number) => void,
      signal?: AbortSignal,
    ): Promise<void>
  }
  tokens: {
    list(caller: Caller): Promise<Token[]>
    create(
      caller: Caller,
      input: { label: string; expires_in_days?: number | undefined },
      options: { idempotencyKey?: string },
    ): Promise<Token & { token: string }>
    revoke(caller: Caller, prefix: string): Promise<void>
  }
  previews: {
    /** `sandbox`, `port` and `expiry` signed; revoked with the sandbox. */
    sign(
      caller: Caller,
      id: string,
      input: { port: number; ttl_seconds: number; paths: string[] },
    ): Promise<{ token: string; expires_at: string }>
    /** Null unless the signature is ours, not expired, and its sandbox is alive. */
    verify(token: string): Promise<{ sandboxId: string; port: number; paths: string[] } | null>
  }
  me(caller: Caller): Promise<{
    user_id: string
    email: string
    current_org: string
    orgs: { id: string; name: string; role: string }[]
    auth_method: string
  }>
  hosts: { info(): Promise<HostInfo[]> }
}

export type { Readable }
