// Which environment variables each vendor's clients read. Pure. Values are URLs and keys of ours: no quote is in them.

export const vendors = ['pandastack'] as const
export type Vendor = (typeof vendors)[number]

export interface Access {
  url: string
  key: string
}

const names: Record<Vendor, (access: Access) => Record<string, string>> = {
  pandastack: ({ url, key }) => ({ PANDASTACK_API: url, PANDASTACK_API_KEY: key }),
}

/** Refuses values that a shell would read as anything but themselves. */
export const exportLines = (vendor: Vendor, access: Access): Record<string, string> => {
  const lines = names[vendor](access)
  for (const value of Object.values(lines)) {
    if (!/^[\w:/.[\]@-]+$/.test(value)) throw new RangeError('a value does not fit into a shell line')
  }
  return lines
}
