// Bodies of the guest wire's exec calls as the control plane writes and reads them. Replies come from inside a
// sandbox: `ran` and `exited` say what must hold before anything is done with them.

import { z } from 'zod'

/** The port of the agent itself. Never a target of a tunnel, proxy or preview. */
export const agentPort = 49_983

export interface Command {
  cmd?: string
  argv?: string[]
  env?: Record<string, string>
  cwd?: string
  user?: string
  timeout_ms?: number
}

export interface RunRequest extends Command {
  max_output_bytes?: number
  stdin?: string
}

export interface ExecRequest extends Command {
  id?: string
  tag?: string
  pty?: { rows: number; cols: number }
  stdin?: boolean
  detach?: boolean
  on_hangup?: 'kill' | 'keep'
  /** False: the output stays out of the sandbox's logs. */
  log?: boolean
}

export const ran = z.object({
  stdout: z.string(),
  stderr: z.string(),
  exit_code: z.number().int(),
  duration_ms: z.number(),
  timed_out: z.boolean().optional(),
  truncated: z.boolean().optional(),
})
export type Ran = z.infer<typeof ran>

export const exited = z.object({
  exit_code: z.number().int(),
  timed_out: z.boolean().optional(),
  duration_ms: z.number().optional(),
  error: z.string().optional(),
})
export type Exited = z.infer<typeof exited>

export const processList = z.object({
  processes: z
    .array(
      z.object({
        id: z.string().max(64),
        pid: z.number().int(),
        tag: z.string().max(256).optional(),
        started_unix_ms: z.number(),
        ended: z.boolean(),
      }),
    )
    .max(10_000),
})

export const listeners = z.object({
  ports: z
    .array(z.object({ port: z.number().int().min(1).max(65_535), address: z.string().max(64) }))
    .max(65_536),
})

export const logLine = z.object({
  seq: z.number().int(),
  unix_ms: z.number(),
  stream: z.enum(['stdout', 'stderr']),
  line: z.string(),
})
