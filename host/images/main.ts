// `node host/images/main.ts build <name>… --data DIR --guestd PATH [--node PATH] [--extra-ca FILE]…`
// Builds images one after the other; one JSON object a line on stdout: progress, at the end of each image the image.
// Exit code 0: all built; 1: a build failed; 2: called wrongly. A signal ends the build and leaves nothing half done.

import { parseArgs } from 'node:util'
import { buildImage, buildOrder } from './build.ts'
import { UnknownImage } from './recipe.ts'

const usage = 'usage: main.ts build <name>… --data DIR --guestd PATH [--node PATH] [--extra-ca FILE]…'

const print = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`)

/** Package clients need these to find mirrors and their own configuration; nothing else of ours reaches them. */
const isToolVariable = (name: string): boolean =>
  /^(HOME|PATH|(https?|ftp|all|no)_proxy|npm_config_.*|SSL_CERT_(FILE|DIR)|NODE_EXTRA_CA_CERTS|NODE_USE_SYSTEM_CA)$/i.test(
    name,
  )

const toolEnv = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value !== undefined && isToolVariable(name) ? [[name, value]] : [],
    ),
  )

/** Certificates that the operator has pointed our own programs at are trusted inside as well. */
const operatorCaFiles = (): string[] =>
  ['PANDASTACK_EXTRA_CA', 'SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS']
    .map((name) => process.env[name] ?? '')
    .filter((path) => path !== '')

const parse = (args: string[]) => {
  const string = { type: 'string' } as const
  const options = {
    data: string,
    guestd: string,
    node: string,
    'extra-ca': { ...string, multiple: true },
  } as const
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
  const [verb, ...names] = positionals
  if (verb !== 'build' || names.length === 0 || !values.data || !values.guestd) throw new TypeError(usage)
  return { names: buildOrder(names), dataDir: values.data, guestdPath: values.guestd, values }
}

const main = async (): Promise<void> => {
  const { names, dataDir, guestdPath, values } = parse(process.argv.slice(2))
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => stop.abort(new Error(`ended by ${signal}`)))
  }
  for (const name of names) {
    const image = await buildImage(name, {
      dataDir,
      guestdPath,
      nodePath: values.node ?? process.execPath,
      extraCaFiles: [...operatorCaFiles(), ...(values['extra-ca'] ?? [])],
      toolEnv: toolEnv(),
      onProgress: print,
      signal: stop.signal,
    })
    print({ image: name, digest: image.digest, sizeBytes: image.sizeBytes, erofsPath: image.erofsPath })
  }
}

try {
  await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = error instanceof TypeError || error instanceof UnknownImage ? 2 : 1
}
