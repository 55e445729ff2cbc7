// The environment that programs in an image start with. Most programs look for certificates in places of their own, and
// what the host's operator trusts has to be trusted by all of them. Pure.

import type { Recipe } from './recipe.ts'

/** Everything that is trusted: the distribution's certificates and the host's. */
export const caBundlePath = '/etc/ssl/certs/ca-certificates.crt'

/** Only what the host trusts beyond the distribution. Node has the rest built in and reads this file at each start. */
export const extraCaPath = '/etc/ssl/host-extra.pem'

export const imageEnv = (recipe: Recipe): Record<string, string> => ({
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
  SSL_CERT_FILE: caBundlePath,
  REQUESTS_CA_BUNDLE: caBundlePath,
  CURL_CA_BUNDLE: caBundlePath,
  GIT_SSL_CAINFO: caBundlePath,
  PIP_CERT: caBundlePath,
  NODE_EXTRA_CA_CERTS: extraCaPath,
  ...recipe.env,
})

/** Names that must survive `sudo`, which otherwise starts with a clean environment. */
export const keptBySudo = Object.keys(
  imageEnv({ name: '', parent: null, packages: [], exclude: [], env: {} }),
).filter((name) => name !== 'PATH')
