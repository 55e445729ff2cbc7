// The few calls the benchmarks make, over plain fetch with kept connections, so that what is timed is the server.

const api = process.env['PANDASTACK_API'] ?? 'http://127.0.0.1:8080'
const key = process.env['PANDASTACK_API_KEY'] ?? ''

export async function call(method: string, path: string, body?: unknown): Promise<Response> {
  const response = await fetch(`${api}/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (!response.ok)
    throw new Error(`${method} ${path}: ${response.status} ${(await response.text()).slice(0, 200)}`)
  return response
}

export interface SandboxInfo {
  id: string
  boot_ms: number
  boot_mode: string
  tier: string
}

export const create = async (template: string): Promise<SandboxInfo> =>
  (await (await call('POST', '/sandboxes', { template, ttl_seconds: 600 })).json()) as SandboxInfo

export const exec = async (id: string, cmd: string): Promise<{ stdout: string; exit_code: number }> =>
  (await (await call('POST', `/sandboxes/${id}/exec`, { cmd })).json()) as {
    stdout: string
    exit_code: number
  }

export const remove = async (id: string): Promise<void> => void (await call('DELETE', `/sandboxes/${id}`))
export const target = { api, key }
