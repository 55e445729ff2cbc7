// The agent's images over host/images: what has been built on this host.

import { findImage } from '@pandastack/images/find.ts'
import type { Images } from '../ports.ts'

export const hostImages = (dataDir: string): Images => ({ find: (name) => findImage(name, { dataDir }) })
