// What of our own environment the parts of an installation are given. Nothing is inherited whole, so that no credential
// that happens to be in the operator's shell ends up in a long-lived process.

import { bareEnvironment } from '@pandastack/kit/process/environment.ts'

type Env = Readonly<Record<string, string | undefined>>

/** How registries and the outside are reached from here, and where trust comes from. */
const outside =
  /^(https?_proxy|no_proxy|all_proxy|node_extra_ca_certs|ssl_cert_(file|dir)|curl_ca_bundle|requests_ca_bundle|git_ssl_cainfo|tz)$/i
const clientOnly = new Set(['PANDASTACK_API', 'PANDASTACK_API_KEY', 'PANDASTACK_API_URL'])

const chosen = (env: Env, wanted: (name: string) => boolean): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      value !== undefined && wanted(name) ? [[name, value]] : [],
    ),
  )

/** For the parts of an installation: their settings, and the way outside. */
export const partEnvironment = (env: Env): Record<string, string> => ({
  ...bareEnvironment,
  ...chosen(env, (name) => outside.test(name) || (name.startsWith('PANDASTACK_') && !clientOnly.has(name))),
})

/** For builds: how Go finds its modules; what it makes of them is ours to say. */
export const buildEnvironment = (env: Env): Record<string, string> => ({
  ...bareEnvironment,
  ...chosen(
    env,
    (name) => outside.test(name) || /^GO(PROXY|SUMDB|NOSUMDB|NOPROXY|PRIVATE|INSECURE|AUTH|VCS)$/.test(name),
  ),
})
