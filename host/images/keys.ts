// Names of what was built, made from everything that goes into it. A package tree is expensive and depends on little;
// an image is a tree with the guest agent added, and cheap. Pure.

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

/** Digest of the finished image. */
export const imageDigest = (recipe: Recipe, inputs: TreeInputs, guestdSha256: string): string =>
  digest({ imageFormat: 1, tree: treeKey(recipe, inputs), guestd: guestdSha256, env: imageEnv(recipe) })
