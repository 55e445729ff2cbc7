// Needs root, mkfs.erofs and mmdebstrap. Seals a tiny tree; a whole image is built by the installation itself.

import { execFileSync } from 'node:child_process'
import { access, chmod, mkdir, mkdtemp, readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { buildImage } from './build.ts'
import { currentImage, setCurrent, supersededImages } from './current.ts'
import { manifestName } from './manifest.ts'
import { sealImage } from './seal.ts'
import { imageDir, openBuildPlace, removeAbandoned } from './workspace.ts'

const missing = async (): Promise<string | null> => {
  if (process.getuid?.() !== 0) return 'not root'
  for (const tool of ['/usr/bin/mkfs.erofs', '/usr/bin/dump.erofs', '/usr/bin/mmdebstrap']) {
    if (
      !(await access(tool).then(
        () => true,
        () => false,
      ))
    )
      return `${tool} is not installed`
  }
  return null
}
const problem = await missing()
if (problem !== null) console.log(`skipped: ${problem}`)

let scratch = ''
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'images-'))
})
afterEach(() => rm(scratch, { recursive: true, force: true }))

const never = new AbortController().signal

/** What dump.erofs says of one path in the image. */
const inside = (image: string, path: string): string =>
  execFileSync('dump.erofs', [`--path=${path}`, image], { encoding: 'utf8' })

describe.skipIf(problem !== null)('sealing', () => {
  test('adds the guest agent and the common files, keeps times, uses nothing that gVisor cannot read, and spares the tree', async () => {
    const tree = join(scratch, 'tree')
    await mkdir(join(tree, 'usr/lib'), { recursive: true })
    await writeFile(join(tree, 'usr/lib/small'), 'x')
    await utimes(join(tree, 'usr/lib/small'), 1_000_000_000, 1_000_000_000)
    const guestd = join(scratch, 'guestd')
    await writeFile(guestd, 'agent'.repeat(2000))
    await chmod(guestd, 0o600)
    const image = join(scratch, 'rootfs.erofs')
    await sealImage(scratch, tree, guestd, image, never)

    expect(inside(image, '/usr/lib/pandastack/guestd')).toMatch(
      /Size: 10000 [\s\S]*Layout: 0 [\s\S]*Access: 0755/,
    )
    expect(inside(image, '/usr/lib/pandastack/thaw.cjs')).toMatch(/Layout: 0 [\s\S]*Access: 0644/)
    const module = 'pandastack_thaw.py'
    expect(inside(image, `/usr/lib/pandastack/${module}`)).toMatch(/Layout: 0 [\s\S]*Access: 0644/)
    // A link has the length of what it points to.
    expect(inside(image, `/usr/lib/python3/dist-packages/${module}`)).toMatch(/Size: 35 .*On-disk size/)
    expect(inside(image, '/usr/lib/small')).toMatch(/Layout: 0 [\s\S]*Xattr size: 0[\s\S]*2001-09-09/)
    const features = /Filesystem features:\s*(.*)/.exec(
      execFileSync('dump.erofs', ['-s', image], { encoding: 'utf8' }),
    )
    expect(
      features?.[1]?.split(/\s+/).filter((word) => word !== '' && !/^(sb_csum|mtime)$/.test(word)),
    ).toEqual([])
    expect(await readdir(join(tree, 'usr/lib'))).toEqual(['small'])
  })

  test('a cancelled build ends soon and leaves no building place and no image', async () => {
    const guestd = join(scratch, 'guestd')
    await writeFile(guestd, 'agent')
    const stop = new AbortController()
    const timer = setTimeout(() => stop.abort(new Error('enough')), 1500)
    const options = { dataDir: scratch, guestdPath: guestd, nodePath: process.execPath, signal: stop.signal }
    await expect(buildImage('base', options)).rejects.toThrow('enough')
    clearTimeout(timer)
    expect(await readdir(join(scratch, 'images/.building'))).toEqual([])
    expect(await readdir(join(scratch, 'images/.trees'))).toEqual([])
    expect(await currentImage(scratch, 'base')).toBeNull()
    expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(scratch)
  })
})

const publish = async (digest: string): Promise<void> => {
  const dir = imageDir(scratch, 'base', digest)
  await mkdir(dir, { recursive: true })
  const manifest = { format: 1, name: 'base', digest, sizeBytes: 1, env: {}, user: 'root', workdir: '/root' }
  await writeFile(join(dir, manifestName), JSON.stringify(manifest))
}

test('the pointer says which image is current; the others may be collected', async () => {
  const [first, second] = ['1'.repeat(64), '2'.repeat(64)] as [string, string]
  expect(await currentImage(scratch, 'base')).toBeNull()
  await publish(first)
  await publish(second)
  await setCurrent(scratch, 'base', second)
  await setCurrent(scratch, 'base', first)
  expect(await currentImage(scratch, 'base')).toMatchObject({
    digest: first,
    erofsPath: expect.stringContaining(first),
  })
  expect(await supersededImages(scratch)).toEqual([imageDir(scratch, 'base', second)])
})

test('what a killed build left goes, what a live one uses stays', async () => {
  await using mine = await openBuildPlace(scratch)
  const all = join(mine.dir, '..')
  await mkdir(join(all, `${process.pid}-1-left-by-an-earlier-process`))
  await mkdir(join(all, 'nonsense'))
  await removeAbandoned(scratch)
  expect((await readdir(all)).map((name) => join(all, name))).toEqual([mine.dir])
})
