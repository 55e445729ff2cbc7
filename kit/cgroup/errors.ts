/** A control group could not be made, limited, emptied or removed; `cause` has what the kernel said. */
export class CgroupError extends Error {
  override name = 'CgroupError'
}
