// Names of what was built, made from everything that goes into it. A package tree is expensive and depends on little;
// an image is a tree with the guest agent and a few files added, and cheap. Pure.

import { createHash } from 'node:crypto'
import { imageEnv } from './image-env.ts'
import { excludedPaths, imageUser, lineage, npmVersion, treeFormat, type Recipe } from './recipe.ts'
import type { Release } from './release.ts'

export interface TreeInputs {
  release: Release
  architecture: string
  nodeSha256: string
  /** All that the host trusts. */
  certificates: readonly string[]
}

const digest = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex')

const recipeText = ({ name, packages, exclude }: Recipe): unknown => [name, packages, exclude]

/** Key of the package tree. */
export const treeKey = (recipe: Recipe, inputs: TreeInputs): string =>
  digest({
    treeFormat,
    excludedPaths,
    imageUser,
    npmVersion,
    recipes: lineage(recipe).map(recipeText),
    release: [inputs.release.id, inputs.release.codename],
    architecture: inputs.architecture,
    node: inputs.nodeSha256,
    certificates: inputs.certificates.toSorted(),
  })

/** SHA-256 of what is added to a tree. */
export interface Added {
  guestd: string
  /** `additionsSha256` */
  files: string
}

/** Digest of the finished image. */
export const imageDigest = (recipe: Recipe, inputs: TreeInputs, added: Added): string =>
  digest({ imageFormat: 1, tree: treeKey(recipe, inputs), ...added, env: imageEnv(recipe) })
