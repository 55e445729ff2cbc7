// One gigabyte into a sandbox and out again through the API, and the server's memory while it happens. Written to and
// read from the sandbox's disk; beside it a copy of the same size made inside the sandbox.
//
//   eval "$(./pandastack env)"; node bench/files.ts [megabytes=1024] [template=agent]

import { Readable } from 'node:stream'
import { call, create, exec, remove, target } from './client.ts'

const megabytes = Number(process.argv[2] ?? 1024)
const template = process.argv[3] ?? 'agent'
const mib = 1_048_576
const block = Buffer.alloc(mib, 'pandastack')

function* blocks(): Generator<Buffer> {
  for (let index = 0; index < megabytes; index++) yield block
}

const rate = (begun: number): string =>
  `${((megabytes / (performance.now() - begun)) * 1000).toFixed(0)} MB/s`

const sandbox = await create(template)
try {
  const raw = performance.now()
  const copied = await exec(
    sandbox.id,
    `dd if=/dev/zero of=/home/user/raw bs=1M count=${megabytes} 2>&1 | tail -1; rm /home/user/raw`,
  )
  console.log(`written inside the sandbox      ${rate(raw)}   ${copied.stdout.trim()}`)
  const up = performance.now()
  const put = await fetch(`${target.api}/v1/sandboxes/${sandbox.id}/fs?path=/home/user/big`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${target.key}`, 'content-type': 'application/octet-stream' },
    body: Readable.toWeb(Readable.from(blocks())) as ReadableStream,
    duplex: 'half',
  } as RequestInit)
  if (!put.ok) throw new Error(`upload: ${put.status} ${await put.text()}`)
  console.log(`up through the API              ${rate(up)}`)
  const down = performance.now()
  const got = await call('GET', `/sandboxes/${sandbox.id}/fs?path=/home/user/big`)
  let bytes = 0
  for await (const chunk of got.body as unknown as AsyncIterable<Uint8Array>) bytes += chunk.length
  if (bytes !== megabytes * mib) throw new Error(`download: ${bytes} bytes`)
  console.log(`down through the API            ${rate(down)}`)
} finally {
  await remove(sandbox.id)
}
