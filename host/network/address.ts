// IPv4 addresses and ranges as numbers. Pure. Strict: what is not plain dotted notation is not an address.

export interface Cidr {
  /** First address, as an unsigned 32-bit number. */
  base: number
  bits: number
}

const decimalByte = /^(0|[1-9]\d{0,2})$/

/** Undefined if the text is not four decimal bytes; `010.1.1.1` and `10.1` are not. */
export const parseIpv4 = (text: string): number | undefined => {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  let value = 0
  for (const part of parts) {
    if (!decimalByte.test(part) || Number(part) > 255) return undefined
    value = value * 256 + Number(part)
  }
  return value
}

export const formatIpv4 = (value: number): string =>
  [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.')

/** How many addresses a range of so many network bits holds. */
export const sizeOf = (bits: number): number => 2 ** (32 - bits)

/** Undefined unless it is an address, a slash, 0 to 32, and no host bits are set. */
export const parseCidr = (text: string): Cidr | undefined => {
  const [address = '', bitsText = '', ...rest] = text.split('/')
  const base = parseIpv4(address)
  const bits = Number(bitsText)
  if (base === undefined || rest.length > 0 || !/^\d{1,2}$/.test(bitsText) || bits > 32) return undefined
  return base % sizeOf(bits) === 0 ? { base, bits } : undefined
}

export const contains = (range: Cidr, address: number): boolean =>
  address >= range.base && address < range.base + sizeOf(range.bits)

export const overlaps = (a: Cidr, b: Cidr): boolean => contains(a, b.base) || contains(b, a.base)
