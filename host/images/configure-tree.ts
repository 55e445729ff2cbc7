// Turns a bare tree into one that people can work in: Node and npm, a user, trust in what the host trusts, package tools
// that install without asking. Writes below the tree only, and never through a link that is in it.

import { chmod, cp, lstat, mkdir, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { runChecked } from '@pandastack/kit/process/run.ts'
import { formatDeb822 } from './apt-entry.ts'
import { withoutCredentials } from './apt-filter.ts'
import { certificateDigest, certificatesIn, missingFrom } from './certificates.ts'
import type { HostSetup } from './host-setup.ts'
import { caBundlePath, extraCaPath, keptBySudo } from './image-env.ts'
import { runInTree, type BuildContext } from './isolate.ts'
import { excludedPaths, imageUser, npmVersion } from './recipe.ts'

/** Replaces what is there, a link itself included. The directory above has to be a real one. */
const put = async (tree: string, path: string, content: string, mode = 0o644): Promise<void> => {
  const full = join(tree, path)
  await mkdir(dirname(full), { recursive: true })
  await rm(full, { recursive: true, force: true })
  await writeFile(full, content, { flag: 'wx' })
  await chmod(full, mode)
}

const link = async (tree: string, path: string, to: string): Promise<void> => {
  await rm(join(tree, path), { force: true })
  await symlink(to, join(tree, path))
}

const installNode = async (
  dir: string,
  tree: string,
  nodePath: string,
  context: BuildContext,
): Promise<void> => {
  await cp(nodePath, join(tree, 'usr/local/bin/node'), { dereference: true })
  await chmod(join(tree, 'usr/local/bin/node'), 0o755)
  const tool = { deadlineMs: 300_000, signal: context.signal, env: context.toolEnv, cwd: dir }
  const { stdout } = await runChecked(
    'npm',
    ['pack', `npm@${npmVersion}`, '--silent', '--pack-destination', dir],
    tool,
  )
  const archive = join(dir, stdout.trim().split('\n').at(-1) ?? '')
  const target = 'usr/local/lib/node_modules/npm'
  await mkdir(join(tree, target), { recursive: true })
  const unpack = ['-xzf', archive, '-C', join(tree, target), '--strip-components=1', '--no-same-owner']
  await runChecked('tar', unpack, { deadlineMs: 120_000, signal: context.signal })
  for (const name of ['npm', 'npx']) {
    await chmod(join(tree, target, `bin/${name}-cli.js`), 0o755)
    await link(tree, `usr/local/bin/${name}`, `../lib/node_modules/npm/bin/${name}-cli.js`)
  }
  await put(tree, 'usr/local/etc/npmrc', 'update-notifier=false\nfund=false\n')
}

/** Files for the distribution's own tool, so that an update of its certificates inside a sandbox keeps the host's. */
const addCertificates = async (tree: string, certificates: readonly string[]): Promise<void> => {
  const present = certificatesIn(await readFile(join(tree, caBundlePath), 'utf8'))
  const extra = missingFrom(present, certificates)
  for (const pem of extra) {
    await put(tree, `usr/local/share/ca-certificates/host-${certificateDigest(pem)}.crt`, pem)
  }
  await put(tree, extraCaPath, extra.join(''))
}

const allowPip = async (tree: string): Promise<void> => {
  for (const name of await readdir(join(tree, 'usr/lib'))) {
    if (/^python3\.\d+$/.test(name))
      await rm(join(tree, 'usr/lib', name, 'EXTERNALLY-MANAGED'), { force: true })
  }
  const settings = [`cert = ${caBundlePath}`, 'disable-pip-version-check = true', 'root-user-action = ignore']
  await put(tree, 'etc/pip.conf', `[global]\n${settings.join('\n')}\n`)
}

const configurePackageTools = async (tree: string, setup: HostSetup): Promise<void> => {
  const parts = 'etc/apt/sources.list.d'
  await rm(join(tree, parts), { recursive: true, force: true })
  const sources = setup.sources.map((entry) => formatDeb822(withoutCredentials(entry)))
  await put(tree, `${parts}/${setup.release.id}.sources`, sources.join('\n'))
  await rm(join(tree, 'etc/apt/sources.list'), { force: true })
  await rm(join(tree, 'etc/apt/apt.conf.d/99mmdebstrap'), { force: true })
  await rm(join(tree, 'etc/dpkg/dpkg.cfg.d/99mmdebstrap'), { force: true })
  await put(
    tree,
    'etc/apt/apt.conf.d/90lean',
    'APT::Install-Recommends "false";\nAcquire::Languages "none";\n',
  )
  const excludes = excludedPaths.map((path) => `path-exclude=${path}\n`)
  await put(tree, 'etc/dpkg/dpkg.cfg.d/lean', `${excludes.join('')}force-unsafe-io\n`)
  // No init runs in a sandbox: services that packages bring are not started by their installation.
  await put(tree, 'usr/sbin/policy-rc.d', '#!/bin/sh\nexit 101\n', 0o755)
}

const { name: user, uid, home } = imageUser

const finishScript = `
useradd --uid ${uid} --home-dir ${home} --create-home --shell /bin/bash --user-group ${user}
update-ca-certificates
`

/** Configures `dir/tree` after its bootstrap. */
export const configureTree = async (
  dir: string,
  setup: HostSetup,
  nodePath: string,
  context: BuildContext,
): Promise<void> => {
  const tree = join(dir, 'tree')
  if (!(await lstat(join(tree, 'usr/lib'))).isDirectory()) throw new Error(`${tree} is no root file system`)
  await installNode(dir, tree, nodePath, context)
  await allowPip(tree)
  await configurePackageTools(tree, setup)
  await addCertificates(tree, setup.certificates)
  const sudoers = [`Defaults env_keep += "${keptBySudo.join(' ')}"`, `${user} ALL=(ALL:ALL) NOPASSWD: ALL`]
  await put(tree, `etc/sudoers.d/${user}`, `${sudoers.join('\n')}\n`, 0o440)
  await put(tree, 'etc/hostname', 'sandbox\n')
  await put(tree, 'etc/hosts', '127.0.0.1 localhost\n::1 localhost ip6-localhost\n')
  const log = join(dir, 'configure.log')
  await runInTree(tree, { what: 'configuring the tree', script: finishScript, log }, context)
}
