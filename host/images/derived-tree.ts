// The package tree of a recipe with a parent: a copy of the parent's tree, by reflinks where there are any, into which
// the host's apt installs. Downloads happen outside the tree, with the host's mirrors and trust; dpkg runs inside.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runChecked } from '@pandastack/kit/process/run.ts'
import { formatDeb822 } from './apt-entry.ts'
import { buildOptions, credentialOptions } from './apt-options.ts'
import type { HostSetup } from './host-setup.ts'
import { runIsolated, type BuildContext } from './isolate.ts'
import { installPercent } from './progress.ts'
import type { Recipe } from './recipe.ts'

const quoted = (text: string): string => `"${text}"`

/** Configuration that makes the host's apt work on the tree. Pure. */
export const aptConfiguration = (
  recipe: Recipe,
  setup: HostSetup,
  tree: string,
  sourceParts: string,
): string =>
  [
    `Dir ${quoted(tree)};`,
    `DPkg::Chroot-Directory ${quoted(tree)};`,
    `APT::Architecture ${quoted(setup.architecture)};`,
    'Dir::Etc::sourcelist "/dev/null";',
    `Dir::Etc::sourceparts ${quoted(`${sourceParts}/`)};`,
    'Dir::Etc::Trusted "/etc/apt/trusted.gpg";',
    'Dir::Etc::TrustedParts "/etc/apt/trusted.gpg.d/";',
    ...recipe.exclude.map((path) => `DPkg::Options:: ${quoted(`--path-exclude=${path}`)};`),
    ...buildOptions,
    ...credentialOptions,
    ...setup.aptOptions,
    '',
  ].join('\n')

const installScript = `
mount --bind /dev "$1/dev"
mount -t proc proc "$1/proc"
export APT_CONFIG="$2"
shift 2
apt-get -q update
apt-get -q install --yes --no-install-recommends "$@"
`

/** Makes `dir/tree` from the parent's tree. */
export const deriveTree = async (
  dir: string,
  parentTree: string,
  recipe: Recipe,
  setup: HostSetup,
  context: BuildContext,
  onPercent: (percent: number) => void,
): Promise<void> => {
  const [tree, sourceParts, config] = ['tree', 'sources', 'apt.conf'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ]
  await runChecked('cp', ['-a', '--reflink=auto', parentTree, tree], {
    deadlineMs: 300_000,
    signal: context.signal,
  })
  await mkdir(sourceParts)
  await writeFile(join(sourceParts, 'distribution.sources'), setup.sources.map(formatDeb822).join('\n'))
  await writeFile(config, aptConfiguration(recipe, setup, tree, sourceParts))
  await mkdir(join(tree, 'var/cache/apt/archives/partial'), { recursive: true })
  await mkdir(join(tree, 'var/lib/apt/lists/partial'), { recursive: true })
  const step = {
    what: `installing the packages of ${recipe.name}`,
    script: installScript,
    args: [tree, config, ...recipe.packages],
    log: join(dir, 'install.log'),
    onLog: (log: string) => onPercent(installPercent(log)),
  }
  await runIsolated(step, context)
}
