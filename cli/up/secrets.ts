// Secrets of an installation: the operator's API key, which only root may read, and two keys that the control plane reads
// as well: one signs preview links, one seals what is secret in the database.

import { randomBytes } from 'node:crypto'
import { chmod, chown, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Home } from './home.ts'

export const apiKeyFile = (home: Home): string => join(home.secrets, 'api-key')
export const previewSecretFile = (home: Home): string => join(home.secrets, 'preview-secret')
export const sealKeyFile = (home: Home): string => join(home.secrets, 'seal-key')

const read = async (file: string): Promise<string | null> => {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text.trim() === '' ? null : text.trim()
}

const write = async (file: string, text: string, groupId: number | null): Promise<void> => {
  await writeFile(`${file}.new`, `${text}\n`, { mode: 0o600 })
  if (groupId !== null) {
    await chown(`${file}.new`, 0, groupId)
    await chmod(`${file}.new`, 0o640)
  }
  await rename(`${file}.new`, file)
}

/** Null when it is not there or not ours to read. */
export const readApiKey = (home: Home): Promise<string | null> => read(apiKeyFile(home))
export const keepApiKey = (home: Home, key: string): Promise<void> => write(apiKeyFile(home), key, null)

/**
 * The directory, and the control plane's keys where there are none: new ones would make every preview link given out so
 * far invalid, and every sandbox unusable. `groupId` may pass through the directory and read these two, and nothing else.
 */
export const prepareSecrets = async (home: Home, groupId: number): Promise<void> => {
  await mkdir(home.secrets, { recursive: true, mode: 0o700 })
  await chown(home.secrets, 0, groupId)
  await chmod(home.secrets, 0o710)
  for (const file of [previewSecretFile(home), sealKeyFile(home)])
    if ((await read(file)) === null) await write(file, randomBytes(32).toString('hex'), groupId)
}
