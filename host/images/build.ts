// Builds the root file systems of the templates. Two stages, each kept under a key of what goes into it: the package
// tree (a minute, needs the mirrors) and the image (seconds, tree plus guest agent and a few files). Everything is made
// in a building place and published by one rename, so a build that is killed leaves nothing that counts; two builds of
// the same thing at once waste time and harm nothing.
//
//   host setup ─► tree of base ─► tree of agent, … ─► rootfs.erofs ─► published ─► current

import { mkdir, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Image } from '@pandastack/driver/values.ts'
import { runChecked } from '@pandastack/kit/process/run.ts'
import { publishDir, publishFile, publishFlushed } from '@pandastack/kit/publish/publish.ts'
import { additionsSha256 } from './additions.ts'
import { bootstrapTree } from './base-tree.ts'
import { cleanTree } from './clean-tree.ts'
import { configureTree } from './configure-tree.ts'
import { setCurrent } from './current.ts'
import { deriveTree } from './derived-tree.ts'
import { installedPackages } from './dpkg-status.ts'
import { readHostSetup, type HostSetup } from './host-setup.ts'
import { imageEnv } from './image-env.ts'
import type { BuildContext } from './isolate.ts'
import { imageDigest, treeKey, type Added, type TreeInputs } from './keys.ts'
import { imageOf, manifestName, readManifest, rootfsName, type Manifest } from './manifest.ts'
import type { OnProgress, Progress } from './progress.ts'
import { findRecipe, lineage, recipes, type Recipe } from './recipe.ts'
import { sealImage, sha256Of } from './seal.ts'
import { imageDir, openBuildPlace, removeAbandoned, removeOtherTrees, treeDir } from './workspace.ts'

export interface ImageOptions {
  dataDir: string
  /** The static guest agent that goes into the image. */
  guestdPath: string
  /** The Node program that goes into the image. */
  nodePath: string
  /** Files of certificates to trust besides those that the host trusts by itself. */
  extraCaFiles?: readonly string[]
  /** Environment of commands that use the network: proxies, HOME for package clients. Not seen in the image. */
  toolEnv?: Readonly<Record<string, string>>
  onProgress?: OnProgress
  signal?: AbortSignal
}

interface Build extends BuildContext {
  dataDir: string
  guestdPath: string
  nodePath: string
  setup: HostSetup
  inputs: TreeInputs
  added: Added
  say: (step: Progress['step'], percent: number) => void
}

const never = new AbortController().signal

/** Passes on whole percents that go up, and each new step. */
const monotonic = (say: Build['say']): Build['say'] => {
  let last: { step?: string; percent: number } = { percent: -1 }
  return (step, exact) => {
    const percent = Math.max(last.percent, Math.round(exact))
    if (step !== last.step || percent > last.percent) say(step, percent)
    last = { step, percent }
  }
}

const prepare = async (name: string, options: ImageOptions): Promise<Build> => {
  const {
    dataDir,
    guestdPath,
    nodePath,
    extraCaFiles = [],
    toolEnv = {},
    onProgress,
    signal = never,
  } = options
  const setup = await readHostSetup({ extraCaFiles, signal })
  const { release, architecture, certificates } = setup
  const [nodeSha256, guestd, files] = await Promise.all([
    sha256Of(nodePath),
    sha256Of(guestdPath),
    additionsSha256(),
  ])
  return {
    dataDir,
    guestdPath,
    nodePath,
    setup,
    inputs: { release, architecture, nodeSha256, certificates },
    added: { guestd, files },
    toolEnv,
    signal,
    say: monotonic((step, percent) => onProgress?.({ image: name, step, percent })),
  }
}

const isDirectory = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )

/** A rename onto a directory that somebody else published meanwhile is no failure: theirs is as good. */
const unlessPublished =
  (final: string) =>
  async (error: unknown): Promise<void> => {
    if (!(await isDirectory(final))) throw error
  }

/** The tree of a recipe, built if it is not there; its parents first. Progress is from `from` to `to` percent. */
const ensureTree = async (build: Build, recipe: Recipe, from: number, to: number): Promise<string> => {
  const final = treeDir(build.dataDir, treeKey(recipe, build.inputs))
  if (await isDirectory(final)) return final
  const middle = recipe.parent === null ? from : from + (to - from) * 0.4
  const parentTree =
    recipe.parent === null ? null : await ensureTree(build, findRecipe(recipe.parent), from, middle)

  await using place = await openBuildPlace(build.dataDir)
  const tree = join(place.dir, 'tree')
  const onPercent = (percent: number): void => build.say('packages', middle + ((to - middle) * percent) / 100)
  if (parentTree === null) {
    await bootstrapTree(place.dir, recipe, build.setup, build, onPercent)
    build.say('configure', to)
    await configureTree(place.dir, build.setup, build.nodePath, build)
  } else {
    await deriveTree(place.dir, parentTree, recipe, build.setup, build, onPercent)
  }
  await cleanTree(tree)
  // Thousands of files: flushing the file system once is far cheaper than each of them.
  await runChecked('sync', ['--file-system', tree], { deadlineMs: 300_000, signal: build.signal })
  await publishFlushed(tree, final).catch(unlessPublished(final))
  return final
}

const makeImage = async (build: Build, recipe: Recipe, digest: string): Promise<void> => {
  const tree = await ensureTree(build, recipe, 2, 80)
  const final = imageDir(build.dataDir, recipe.name, digest)
  await using place = await openBuildPlace(build.dataDir)
  const out = join(place.dir, 'image')
  await mkdir(out, { mode: 0o755 })
  build.say('seal', 85)
  const rootfs = join(out, rootfsName)
  await sealImage(place.dir, tree, build.guestdPath, rootfs, build.signal)
  build.say('publish', 95)
  const manifest: Manifest = {
    format: 1,
    name: recipe.name,
    digest,
    tree: treeKey(recipe, build.inputs),
    sizeBytes: (await stat(rootfs)).size,
    sha256: await sha256Of(rootfs),
    env: imageEnv(recipe),
    user: 'root',
    workdir: '/root',
    packages: installedPackages(await readFile(join(tree, 'var/lib/dpkg/status'), 'utf8')),
    createdAt: new Date().toISOString(),
  }
  await publishFile(join(out, manifestName), `${JSON.stringify(manifest, null, 2)}\n`)
  await mkdir(dirname(final), { recursive: true })
  await publishDir(out, final).catch(unlessPublished(final))
}

const find = async (build: Build, recipe: Recipe): Promise<Image | null> => {
  const dir = imageDir(build.dataDir, recipe.name, imageDigest(recipe, build.inputs, build.added))
  const manifest = await readManifest(dir)
  return manifest && imageOf(dir, manifest)
}

/** The image that these options would build, if it is there already; otherwise null. */
export const findImage = async (name: string, options: ImageOptions): Promise<Image | null> =>
  find(await prepare(name, options), findRecipe(name))

/** Builds what is missing of the image and makes it the current one of its name. */
export const buildImage = async (name: string, options: ImageOptions): Promise<Image> => {
  const recipe = findRecipe(name)
  const build = await prepare(name, options)
  build.say('check', 0)
  const existing = await find(build, recipe)
  if (existing === null) {
    await removeAbandoned(build.dataDir)
    await removeOtherTrees(build.dataDir, new Set(recipes.map((each) => treeKey(each, build.inputs))))
    await makeImage(build, recipe, imageDigest(recipe, build.inputs, build.added))
  }
  const image = existing ?? (await find(build, recipe))
  if (image === null) throw new Error(`the image ${name} vanished while it was published`)
  await setCurrent(build.dataDir, name, image.digest)
  build.say('done', 100)
  return image
}

/** Names of images from the bottom up, so that building them in this order repeats nothing. */
export const buildOrder = (names: readonly string[]): string[] =>
  [...new Set(names)].toSorted((a, b) => lineage(findRecipe(a)).length - lineage(findRecipe(b)).length)
