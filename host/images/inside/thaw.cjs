'use strict'
// New random numbers for this process whenever its sandbox is restored from a snapshot, hence cloned:
// `node --require /usr/lib/pandastack/thaw.cjs`, or the same in NODE_OPTIONS.
//
// Math.random becomes a generator that is seeded by the kernel, and again at each thaw, of which the sandbox's agent
// tells with SIGURG. The functions of node:crypto and Web Crypto that give random bytes, numbers or UUIDs need not be
// told: OpenSSL's generator is part of the snapshot, so bytes of the kernel are mixed into every result. Keys that
// OpenSSL makes by itself are out of reach; see docs/guides/clones.md. Outside of a sandbox nothing happens.

const crypto = require('node:crypto')
const { openSync, read, readFileSync, readSync, statSync, unlinkSync, writeFileSync } = require('node:fs')
const { syncBuiltinESMExports } = require('node:module')
const { constants } = require('node:os')
const { getEnvironmentData, isMainThread, setEnvironmentData } = require('node:worker_threads')

const directory = `${process.env.PANDASTACK_RUN ?? '/run/pandastack'}/reseed`
const signal = 'SIGURG' // ignored by every program that does not wait for it
const chunkBytes = 65_536

const openKernel = () => {
  try {
    return statSync(directory).isDirectory() ? openSync('/dev/urandom', 'r') : null
  } catch {
    return null
  }
}
const kernel = openKernel()

const mixIn = (bytes, at, fresh, count) => {
  for (let i = 0; i < count; i += 1) bytes[at + i] ^= fresh[i]
  fresh.fill(0, 0, count) // what is left in memory is in every later snapshot
}

/** Both mixers change the bytes in place. */
const common = Buffer.alloc(chunkBytes)
const mix = (bytes) => {
  for (let at = 0; at < bytes.length;) {
    const count = readSync(kernel, common, 0, Math.min(chunkBytes, bytes.length - at), null)
    mixIn(bytes, at, common, count)
    at += count
  }
  return bytes
}
const mixLater = (bytes, callback, at = 0, own = Buffer.alloc(Math.min(chunkBytes, bytes.length))) => {
  if (at === bytes.length) return callback(null)
  read(kernel, own, 0, Math.min(own.length, bytes.length - at), null, (error, count) => {
    if (error) return callback(error)
    mixIn(bytes, at, own, count)
    mixLater(bytes, callback, at + count, own)
  })
}

/** The bytes that `target, offset, size` mean to node:crypto: in elements, if it has any. */
const region = (target, offset = 0, size = undefined) => {
  const unit = target.BYTES_PER_ELEMENT ?? 1
  const [buffer, base] = ArrayBuffer.isView(target) ? [target.buffer, target.byteOffset] : [target, 0]
  const length = size === undefined ? target.byteLength - offset * unit : size * unit
  return new Uint8Array(buffer, base + offset * unit, length)
}

/** What went wrong with the arguments is told by the original in its own words, so it is always asked first. */
const replacements = ({ randomBytes, randomFill, randomFillSync, randomInt, randomUUID, randomUUIDv7 }) => {
  const integerBelow = (range) => {
    const limit = 2 ** 48 - (2 ** 48 % range)
    for (;;) {
      const drawn = mix(randomBytes(6)).readUIntBE(0, 6)
      if (drawn < limit) return drawn % range
    }
  }
  const uuid = (text, firstByte) => {
    const bytes = Buffer.from(text.replaceAll('-', ''), 'hex')
    const [version, variant] = [bytes[6] & 0xf0, bytes[8] & 0xc0]
    mix(bytes.subarray(firstByte))
    bytes[6] = (bytes[6] & 0x0f) | version
    bytes[8] = (bytes[8] & 0x3f) | variant
    return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  }
  return {
    randomBytes(size, callback) {
      if (typeof callback !== 'function') return mix(randomBytes(size, callback))
      return void randomBytes(size, (error, bytes) => {
        if (error) return callback(error)
        mixLater(bytes, (failed) => (failed ? callback(failed) : callback(null, bytes)))
      })
    },
    randomFillSync(target, offset, size) {
      randomFillSync(target, offset, size)
      mix(region(target, offset, size))
      return target
    },
    randomFill(target, ...rest) {
      const callback = rest.at(-1)
      if (typeof callback !== 'function') return randomFill(target, ...rest)
      const [offset, size] = rest.slice(0, -1)
      randomFill(target, ...rest.slice(0, -1), (error) => {
        if (error) return callback(error)
        mixLater(region(target, offset, size), (failed) =>
          failed ? callback(failed) : callback(null, target),
        )
      })
    },
    randomInt(...args) {
      const callback = args.at(-1)
      const [min, max] = [0, ...args.filter((value) => typeof value === 'number')].slice(-2)
      if (typeof callback !== 'function') {
        randomInt(...args)
        return min + integerBelow(max - min)
      }
      randomInt(...args.slice(0, -1), (error) =>
        error ? callback(error) : callback(undefined, min + integerBelow(max - min)),
      )
    },
    randomUUID: (options) => uuid(randomUUID(options), 0),
    // Its first half is the time.
    ...(randomUUIDv7 && { randomUUIDv7: (options) => uuid(randomUUIDv7(options), 8) }),
  }
}

const replaceCrypto = () => {
  const named = replacements(crypto)
  const { randomBytes } = named
  Object.assign(crypto, named, { pseudoRandomBytes: randomBytes, prng: randomBytes, rng: randomBytes })
  const web = Object.getPrototypeOf(crypto.webcrypto)
  const { getRandomValues, randomUUID } = web
  web.getRandomValues = function (array) {
    Reflect.apply(getRandomValues, this, arguments)
    mix(region(array))
    return array
  }
  web.randomUUID = function () {
    Reflect.apply(randomUUID, this, arguments)
    return named.randomUUID()
  }
  syncBuiltinESMExports()
}

/** xoshiro128**, seeded whenever the count of thaws has changed. */
const replaceMathRandom = (thaws) => {
  const s = new Uint32Array(4)
  let seededAt = -1
  const next = () => {
    const five = Math.imul(s[1], 5)
    const result = Math.imul((five << 7) | (five >>> 25), 9) >>> 0
    const shifted = s[1] << 9
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= shifted
    s[3] = (s[3] << 11) | (s[3] >>> 21)
    return result
  }
  Math.random = () => {
    const now = Atomics.load(thaws, 0)
    if (now !== seededAt) {
      mix(new Uint8Array(s.buffer))
      seededAt = now
    }
    return ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53
  }
}

const callbacks = []
const thawed = (thaws) => {
  Atomics.add(thaws, 0, 1)
  for (const callback of callbacks) {
    try {
      callback()
    } catch (error) {
      setImmediate(() => {
        throw error
      })
    }
  }
}

/** The start time tells this process from a later one with the same id. */
const register = () => {
  const file = `${directory}/${process.pid}`
  const forget = () => {
    try {
      unlinkSync(file)
    } catch {
      // It is not there, or not ours.
    }
  }
  try {
    const started = readFileSync('/proc/self/stat', 'latin1').split(')').at(-1).split(' ')[20]
    forget()
    writeFileSync(file, `${constants.signals[signal]} ${started}\n`, { flag: 'wx', mode: 0o600 })
    process.on('exit', forget)
    return true
  } catch {
    return false
  }
}

/** Workers cannot be signalled; they share the count of thaws with the main thread, if that has one. */
const key = 'pandastack.thaws'
const begin = () => {
  if (kernel === null) return false
  replaceCrypto()
  const thaws = isMainThread ? new Int32Array(new SharedArrayBuffer(4)) : getEnvironmentData(key)
  if (thaws === undefined) return false
  replaceMathRandom(thaws)
  if (!isMainThread) return true
  setEnvironmentData(key, thaws)
  process.on(signal, () => thawed(thaws))
  return register()
}

/** `onThaw(callback)`, in the main thread: called after each thaw. `registered`: whether this process is told. */
module.exports = { registered: begin(), onThaw: (callback) => void callbacks.push(callback) }
